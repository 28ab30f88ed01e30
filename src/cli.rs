//! The command line. Exit code 0: done; 1: done, and problems were found; 2: it could not be done.
//!
//! Layer 7. Verbs that need the data folder open it themselves, or go through a running server with `--server`.

mod bag;
mod client;
pub mod demo;
mod dossier;
mod export;
mod import;
mod index;
mod keys;
mod local;
mod models;
mod output;
mod pack;
mod people;
mod publish;
mod read;
mod reread;
mod restore;
mod serving;
mod store;
mod verify;
mod webhook;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::config::Config;
use people::{TokenVerb, UserVerb};

pub use serving::Running;

/// Lantai (兰台): a document archive and intake workflow on object storage.
#[derive(Debug, Parser)]
#[command(name = "lantai", version, about)]
struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Clone, Args)]
struct Common {
    /// The data folder [default: ./lantai-data].
    #[arg(long, global = true, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The settings [default: lantai.toml, if there is one].
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Answers in JSON, for programs.
    #[arg(long, global = true)]
    json: bool,
    /// A running server to go through, such as `http://127.0.0.1:7070`.
    #[arg(long, global = true, value_name = "URL")]
    server: Option<String>,
    /// A file with the token for that server.
    #[arg(long, global = true, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Everything in one: a fresh archive with demo people and papers, served.
    Demo {
        /// Where to listen.
        #[arg(long, value_name = "ADDR")]
        listen: Option<String>,
    },
    /// Makes a new archive; shows the recovery key, once.
    Init {
        /// Writes the recovery key to this file instead (a plain age identity file).
        #[arg(long, value_name = "FILE")]
        recovery_out: Option<PathBuf>,
        /// Uses this age recipient for recovery, whose key somebody else keeps; may be given several times.
        #[arg(long, value_name = "RECIPIENT", conflicts_with = "recovery_out")]
        recovery_recipient: Vec<String>,
        /// Starts on the rules of the pack in this folder, instead of those that come with the program.
        #[arg(long, value_name = "DIR")]
        pack: Option<PathBuf>,
    },
    /// Serves the archive.
    Serve {
        /// Where to listen [default: 127.0.0.1:7070].
        #[arg(long, value_name = "ADDR")]
        listen: Option<String>,
    },
    /// People.
    #[command(subcommand)]
    User(UserVerb),
    /// Tokens for stations and scripts.
    #[command(subcommand)]
    Token(TokenVerb),
    /// Hands documents in: through a server, or straight into a data folder that no server has open.
    Put {
        /// The files.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// The dossier that they belong to.
        #[arg(long)]
        dossier: String,
        /// Which document kind of the pack they are.
        #[arg(long)]
        kind: String,
        /// The case that they are handed in for.
        #[arg(long)]
        case: Option<String>,
        /// As whom they are handed in, when no server is gone through; with one, the token says so.
        #[arg(long = "as", value_name = "NAME")]
        by: Option<String>,
        /// How many at once.
        #[arg(long, default_value_t = 4)]
        at_once: usize,
    },
    /// Gets a document back, through a server.
    Get {
        /// The document.
        document: String,
        /// Where to write it.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Searches, through a server.
    Search {
        /// The query.
        query: String,
        /// The most hits.
        #[arg(long, default_value_t = 20)]
        limit: usize,
    },
    /// Takes a dossier out as plain files: a BagIt bag with metadata and proofs. The bag is not encrypted.
    Export {
        /// The dossier.
        dossier: String,
        /// The folder that is made.
        #[arg(long, value_name = "DIR")]
        to: PathBuf,
        /// As it was at the end of this day (Asia/Shanghai).
        #[arg(long, value_name = "DATE")]
        as_of: Option<jiff::civil::Date>,
        /// As whom, without a server [default: the operator, who may]; with one, the token says so.
        #[arg(long = "as", value_name = "NAME")]
        by: Option<String>,
    },
    /// Checks objects against digests, records against the log, the log against its checkpoint.
    Verify {
        /// Every byte, not only presence and size.
        #[arg(long)]
        full: bool,
        /// Goes on with a run that was interrupted.
        #[arg(long)]
        resume: bool,
    },
    /// Makes a new data folder from the bucket and a recovery key. The bucket is only read, and what was interrupted
    /// goes on when it is given again.
    Restore {
        /// The object store's URL.
        #[arg(long, value_name = "URL")]
        from: String,
        /// The recovery key (an age identity file, owner-only).
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// The passphrase of the recovery key, if that is locked; without it one is asked for.
        #[arg(long, value_name = "FILE")]
        key_passphrase_file: Option<PathBuf>,
        /// Compares with the totals of a running server (with --token-file), or with those in a file.
        #[arg(long, value_name = "URL|FILE")]
        compare: Option<String>,
        /// Makes the search index at once, too.
        #[arg(long)]
        index: bool,
    },
    /// Sealing, opening and destroying dossiers, through a server.
    #[command(subcommand)]
    Dossier(DossierVerb),
    /// Webhooks, and what could not be sent to them.
    #[command(subcommand)]
    Webhook(WebhookVerb),
    /// The archive's keys.
    #[command(subcommand)]
    Keys(KeysVerb),
    /// The search index.
    #[command(subcommand)]
    Index(IndexVerb),
    /// Tries out what the object store really does about objects that are to stay: versions, locks, conditional puts.
    Probe,
    /// Policy packs.
    #[command(subcommand)]
    Pack(PackVerb),
    /// The models for OCR.
    #[command(subcommand)]
    Models(ModelsVerb),
    /// Reads documents of the archive again: those that could not be read, that wait, or that were read badly. Until then
    /// what was read of them stays.
    Reread(reread::Wanted),
    /// Reads files as the archive would and shows what was read; nothing is archived.
    Read {
        /// The files.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
}

#[derive(Debug, Subcommand)]
enum ModelsVerb {
    /// Fetches those that are missing, with the machine's own pip.
    Fetch,
}

#[derive(Debug, Subcommand)]
enum DossierVerb {
    /// Seals a dossier: only the general manager's and the recovery keys open it then.
    Seal {
        /// The dossier.
        dossier: String,
        /// Why.
        #[arg(long)]
        reason: String,
    },
    /// Opens a sealed dossier for a time, to be looked at.
    Open {
        /// The dossier.
        dossier: String,
        /// A file with the general manager's passphrase.
        #[arg(long, value_name = "FILE")]
        passphrase_file: PathBuf,
        /// For how many minutes.
        #[arg(long)]
        minutes: Option<u32>,
    },
    /// Closes an opened dossier before its time is over.
    Close {
        /// The dossier.
        dossier: String,
    },
    /// Destroys a sealed dossier: one person asks with a reason, another one confirms.
    Destroy {
        /// The dossier.
        dossier: String,
        /// Asks for it, with this reason.
        #[arg(long, required_unless_present_any = ["confirm", "withdraw"])]
        reason: Option<String>,
        /// Confirms what somebody else has asked for.
        #[arg(long, conflicts_with_all = ["reason", "withdraw"])]
        confirm: bool,
        /// Takes the question back, or refuses it.
        #[arg(long, conflicts_with = "reason")]
        withdraw: bool,
    },
    /// Shows what remains of a destroyed dossier.
    Certificate {
        /// The dossier.
        dossier: String,
    },
    /// Lists the sealed dossiers.
    Sealed,
}

#[derive(Debug, Subcommand)]
enum IndexVerb {
    /// How large it is, and how much waits to be indexed.
    Stats,
    /// Reads every byte of it, and holds what is in it against the archive.
    Check,
    /// Makes it again from what was read of the documents; a running server goes on answering meanwhile.
    Rebuild,
    /// Gives it another key: seals it anew as it is, while searches go on.
    Rotate,
}

#[derive(Debug, Subcommand)]
enum KeysVerb {
    /// Lists whose keys open the archive, and what is sealed.
    List,
    /// Gives the archive a new key, or finishes a change of keys that was cut off. Only key objects are sealed anew.
    Rotate,
    /// Recovery recipients.
    #[command(subcommand)]
    Recovery(RecoveryVerb),
    /// The general manager's key, to which dossiers are sealed.
    #[command(subcommand)]
    Manager(ManagerVerb),
}

#[derive(Debug, Subcommand)]
enum RecoveryVerb {
    /// Wraps all keys to a further age recipient.
    Add {
        /// The recipient (`age1...`).
        recipient: String,
    },
    /// Wraps all keys again without this recipient.
    Remove {
        /// The recipient (`age1...`).
        recipient: String,
    },
}

#[derive(Debug, Subcommand)]
enum ManagerVerb {
    /// Makes the key, sealed with a passphrase; or changes the passphrase, if the former one is given too.
    Set {
        /// A file with the passphrase.
        #[arg(long, value_name = "FILE")]
        passphrase_file: PathBuf,
        /// A file with the former passphrase: then the key stays the same.
        #[arg(long, value_name = "FILE")]
        former_passphrase_file: Option<PathBuf>,
    },
}

#[derive(Debug, Subcommand)]
enum WebhookVerb {
    /// Adds a webhook; prints its secret, once, as the last word.
    Add {
        /// Where it is.
        url: String,
        /// Only this kind of events; may be given several times.
        #[arg(long = "event", value_name = "KIND")]
        events: Vec<String>,
    },
    /// Lists the webhooks.
    List,
    /// Sends nothing to a webhook any more.
    Disable {
        /// The webhook.
        webhook: String,
    },
    /// Lists what was given up.
    GivenUp,
    /// Sends once more what was given up.
    SendAgain {
        /// The delivery.
        #[arg(required_unless_present = "all")]
        delivery: Option<String>,
        /// All that was given up.
        #[arg(long, conflicts_with = "delivery")]
        all: bool,
    },
}

#[derive(Debug, Subcommand)]
enum PackVerb {
    /// Publishes a pack: new cases start on it, running ones stay on what they started on.
    Publish {
        /// The pack's folder.
        pack: PathBuf,
        /// Why, or what is new; it stands in the log.
        #[arg(long, value_name = "TEXT")]
        note: Option<String>,
    },
    /// Lists the packs that were published, with the cases that run on each.
    List,
    /// Moves the running cases of one version of a workflow to another, as the newer one says under `migrate.from`.
    Migrate {
        /// The workflow's name.
        workflow: String,
        /// The version that the cases run on.
        #[arg(long, value_name = "VERSION")]
        from: String,
        /// The version that they are to run on.
        #[arg(long, value_name = "VERSION")]
        to: String,
        /// Only says what would be done.
        #[arg(long)]
        dry_run: bool,
    },
    /// Lists every mistake of a pack, with file, line and column.
    Check {
        /// The pack's folder.
        pack: PathBuf,
    },
    /// Runs the pack's stories.
    Test {
        /// The pack's folder.
        pack: PathBuf,
    },
    /// Says in sentences what differs between two packs; 1 when something does.
    Diff {
        /// The old pack's folder, or `bundled`.
        old: PathBuf,
        /// The new pack's folder, or `bundled`.
        new: PathBuf,
        /// The language: zh or en.
        #[arg(long, default_value = "en", value_parser = ["zh", "en"])]
        lang: String,
    },
    /// Draws a workflow.
    Diagram {
        /// The pack's folder, or `bundled`.
        pack: PathBuf,
        /// The workflow's name.
        workflow: String,
        /// As what.
        #[arg(long, default_value = "svg", value_parser = ["svg", "mermaid", "dot"])]
        format: String,
        /// The language: zh or en.
        #[arg(long, default_value = "en", value_parser = ["zh", "en"])]
        lang: String,
    },
    /// Walks a case by hand, line by line; `help` says how. Nothing is archived.
    Simulate {
        /// The pack's folder, or `bundled`.
        pack: PathBuf,
        /// The workflow's name.
        workflow: String,
        /// How many contracts are in the basket.
        #[arg(long, default_value_t = 1)]
        contracts: u32,
        /// When it starts, such as 2026-03-02T09:00:00+08:00 [default: now].
        #[arg(long, value_name = "TIME")]
        at: Option<jiff::Timestamp>,
        /// The language: zh or en.
        #[arg(long, default_value = "en", value_parser = ["zh", "en"])]
        lang: String,
    },
}

/// What a command found; what it could not do is an error.
enum Outcome {
    Clean,
    Problems,
}

/// Runs the command that the arguments ask for.
pub fn run() -> ExitCode {
    hide_panics();
    let cli = Cli::parse();
    match execute(cli) {
        Ok(Outcome::Clean) => ExitCode::SUCCESS,
        Ok(Outcome::Problems) => ExitCode::from(1),
        Err(error) => {
            output::complain(&format!("lantai: {error:#}"));
            ExitCode::from(2)
        }
    }
}

/// Panic messages of libraries can hold what they worked on: only the place is told.
fn hide_panics() {
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(%place, "a panic");
        output::complain(&format!("lantai: a panic at {place}"));
    }));
}

fn execute(cli: Cli) -> anyhow::Result<Outcome> {
    let mut config = Config::load(cli.common.config.as_deref())?;
    if let Some(data) = &cli.common.data {
        config.data.clone_from(data);
    }
    start_log(&config);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let result = runtime.block_on(dispatch(cli, config));
    runtime.shutdown_timeout(std::time::Duration::from_secs(5));
    result
}

async fn dispatch(cli: Cli, config: Config) -> anyhow::Result<Outcome> {
    let common = cli.common;
    match cli.verb {
        Verb::Demo { listen } => demo::run(config, common.data, listen).await,
        Verb::Init { recovery_out, recovery_recipient, pack } => {
            local::init(config, recovery_out, &recovery_recipient, pack.as_deref(), common.json).await
        }
        Verb::Serve { listen } => serving::serve(config, listen).await,
        Verb::User(verb) => people::user(config, verb, &common).await,
        Verb::Token(verb) => people::token(config, verb, &common).await,
        Verb::Put { files, dossier, kind, case, by, at_once } => match by {
            None => {
                let target = client::Target { dossier, kind, case };
                client::Client::new(&common)?.put(&files, target, at_once).await
            }
            Some(_) if common.server.is_some() || case.is_some() => {
                anyhow::bail!(
                    "--as is for a data folder without a server, and there for documents without a case"
                )
            }
            Some(by) => {
                let import = import::Import { files, dossier, kind, by, at_once };
                import::run(config, import, common.json).await
            }
        },
        Verb::Get { document, out } => client::Client::new(&common)?.get(&document, &out).await,
        Verb::Search { query, limit } => client::Client::new(&common)?.search(&query, limit).await,
        Verb::Export { dossier, to, as_of, by } => {
            export::run(config, &common, export::Wanted { dossier, to, as_of, by }).await
        }
        Verb::Verify { full, resume } => match &common.server {
            Some(_) => {
                verify::through_server(&client::Client::new(&common)?, full, resume, common.json).await
            }
            None => verify::folder(config, full, resume, common.json).await,
        },
        Verb::Restore { from, key, key_passphrase_file, compare, index } => {
            let compare = compare.or_else(|| common.server.clone());
            let wanted = restore::Wanted { from, key, key_passphrase_file, compare, index };
            restore::run(config, wanted, &common).await
        }
        Verb::Dossier(verb) => client::Client::new(&common)?.dossier(verb).await,
        Verb::Webhook(verb) => webhook::run(config, verb, &common).await,
        Verb::Keys(verb) => match &common.server {
            Some(_) => client::Client::new(&common)?.keys(verb).await,
            None => keys::run(config, verb, common.json).await,
        },
        Verb::Index(verb) => index::run(config, verb, &common).await,
        Verb::Probe => store::probe(config, common.json).await,
        Verb::Pack(verb) => pack::run(config, verb, &common).await,
        Verb::Models(ModelsVerb::Fetch) => models::fetch(config, common.json).await,
        Verb::Reread(wanted) => reread::run(config, wanted, &common).await,
        Verb::Read { files } => read::read(config, &files, common.json).await,
    }
}

fn start_log(config: &Config) {
    let filter = tracing_subscriber::EnvFilter::try_new(&config.log.filter).unwrap_or_default();
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second start within one process (tests) keeps the first.
    let _ = if config.log.form == "json" { builder.json().try_init() } else { builder.try_init() };
}
