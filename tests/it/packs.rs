//! Packs as a firm writes them: wrong ones are found out, and no file makes the check fall over.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use lantai::access::{Action, Subject};
use lantai::workflow::{Finding, Limits, Pack, pack};
use serde::Deserialize;

use crate::app::TestApp;

const PACK: &str = "workflows/customer-service";
/// Every code that a check can find.
const CODES: &[&str] = &[
    "E00", "E01", "E02", "E03", "E04", "E05", "E06", "E07", "E08", "E09", "E10", "E11", "E12", "E13", "E14",
    "E15", "E16", "E17", "E18", "E19", "E21", "W20", "C01",
];

/// The bundled pack with a few words changed, and all that must be found then.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Broken {
    why: String,
    change: Vec<Change>,
    finds: Vec<Finds>,
}

/// A file's text that occurs once, and what stands there instead; without `find` the file is `with`, or the bytes of
/// `hex`, or gone.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    file: String,
    find: Option<String>,
    with: Option<String>,
    hex: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Finds {
    code: String,
    file: String,
    /// The line's text, without the spaces around it; without it the finding is about the file's beginning.
    at: Option<String>,
    /// Which of the lines with this text.
    #[serde(default = "first")]
    nth: usize,
    /// Whether the pack gives a reason for it.
    #[serde(default)]
    accepted: bool,
}

fn first() -> usize {
    1
}

#[expect(clippy::unwrap_used, reason = "without the pack there is nothing to test")]
fn bundled() -> BTreeMap<String, Vec<u8>> {
    pack::read_files(Path::new(PACK), Limits::default()).unwrap()
}

impl Broken {
    fn files(&self, name: &str) -> BTreeMap<String, Vec<u8>> {
        let mut files = bundled();
        for Change { file, find, with, hex } in &self.change {
            let bytes = match (find, with, hex) {
                (Some(find), with, _) => {
                    let text = String::from_utf8(files[file].clone()).unwrap();
                    assert_eq!(text.matches(find).count(), 1, "{name}: {find:?} must occur once in {file}");
                    text.replacen(find, with.as_ref().unwrap(), 1).into_bytes()
                }
                (None, Some(with), _) => with.clone().into_bytes(),
                (None, None, Some(hex)) => hex::decode(hex).unwrap(),
                (None, None, None) => {
                    assert!(files.remove(file).is_some(), "{name}: there is no {file}");
                    continue;
                }
            };
            files.insert(file.clone(), bytes);
        }
        files
    }
}

/// A finding as it is compared: code, file, line, and whether it is accepted.
type Place = (String, String, usize, bool);

impl Finds {
    fn place(&self, name: &str, files: &BTreeMap<String, Vec<u8>>) -> Place {
        let line = self.at.as_ref().map_or(1, |at| {
            let text = String::from_utf8_lossy(&files[&self.file]).into_owned();
            let lines = text.lines().enumerate().filter(|(_, line)| line.trim() == at.trim());
            let line = lines.map(|(i, _)| i + 1).nth(self.nth - 1);
            line.ok_or_else(|| format!("{name}: {} has no line {at:?}", self.file)).unwrap()
        });
        (self.code.clone(), self.file.clone(), line, self.accepted)
    }
}

fn place(found: &Finding) -> Place {
    (found.code.clone(), found.file.clone(), found.line as usize, !found.stops())
}

fn broken_packs() -> BTreeMap<String, Broken> {
    let mut packs = BTreeMap::new();
    for entry in std::fs::read_dir("fixtures/packs/broken").unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        let broken = serde_saphyr::from_str(&text).map_err(|error| format!("{name}: {error}")).unwrap();
        packs.insert(name, broken);
    }
    packs
}

#[test]
fn every_broken_pack_is_found_out_on_its_lines_and_for_nothing_else() {
    let (mut wrong, mut seen) = (Vec::new(), BTreeMap::<String, usize>::new());
    let packs = broken_packs();
    assert!(packs.len() >= 60, "{}", packs.len());
    for (name, broken) in &packs {
        let files = broken.files(name);
        let findings = pack::check(&files);
        let mut found: Vec<Place> = findings.iter().map(place).collect();
        let mut wanted: Vec<Place> = broken.finds.iter().map(|finds| finds.place(name, &files)).collect();
        found.sort();
        wanted.sort();
        if found != wanted {
            wrong.push(format!("{name} ({}):\n  wanted {wanted:?}\n  found  {found:?}", broken.why));
        }
        for code in findings.iter().map(|found| &found.code).collect::<BTreeSet<_>>() {
            *seen.entry(code.clone()).or_default() += 1;
        }
        for found in &findings {
            let text =
                String::from_utf8_lossy(files.get(&found.file).map_or(&b""[..], Vec::as_slice)).into_owned();
            let length = text.lines().nth(found.line as usize - 1).map_or(0, |line| line.chars().count());
            assert!(found.column >= 1 && found.column as usize <= length.max(1) + 1, "{name}: {found:?}");
            for words in [&found.message, &found.hint] {
                assert!(!words.en.is_empty() && !words.zh.is_ascii(), "{name}: {found:?}");
            }
        }
        let errors = findings.iter().any(|found| found.code.starts_with('E') && found.code != "E21");
        assert_eq!(Pack::load(&files).is_err(), errors, "{name}: a pack with mistakes is not loaded");
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
    let rare: Vec<&&str> =
        CODES.iter().filter(|code| seen.get(**code).copied().unwrap_or_default() < 2).collect();
    assert!(rare.is_empty(), "found in fewer than two packs: {rare:?}");
    assert!(seen.keys().all(|code| CODES.contains(&code.as_str())), "{seen:?}");
}

#[test]
fn a_pack_that_was_published_runs_on_whatever_new_checks_say() {
    let packs = broken_packs();
    for name in ["E18-nowhere", "E13-two-eyes", "E00-beyond-its-bounds"] {
        let files = packs[name].files(name);
        assert!(Pack::load(&files).is_err(), "{name}");
        assert_eq!(Pack::reopen(&files).unwrap().files(), &files, "{name}");
    }
    let name = "E00-not-yaml";
    assert_eq!(Pack::reopen(&packs[name].files(name)).unwrap_err().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warning_without_a_reason_is_not_published() {
    let (app, packs) = (TestApp::start().await, broken_packs());
    let before = app.app.packs.current().unwrap().pack.hash();
    app.sign_in("zhao").await;
    let zhao = app.app.people.by_name("zhao").unwrap().unwrap().actor();
    let policies = &app.app.packs.current().unwrap().policies;
    let permit = policies.permit(&zhao, Action::PublishPack, Subject::Archive).unwrap();
    for (name, published) in [("W20-story-gone", false), ("C01-proxy-only", false), ("W20-accepted", true)] {
        let mut files = packs[name].files(name);
        // What is published under a version stands: these are another one.
        for (_, bytes) in files.iter_mut().filter(|(path, _)| path.ends_with(".yaml")) {
            let text = String::from_utf8(bytes.clone()).unwrap();
            *bytes = text.replace("\nversion: 1.", "\nversion: 7.").replace("@1.", "@7.").into();
        }
        let pack = Pack::load(&files).unwrap();
        let result = app.app.publish_pack(&permit, &files, None).await;
        assert_eq!(result.is_ok(), published, "{name}: {:?}", result.err());
        let now = app.app.packs.current().unwrap().pack.hash();
        assert_eq!(now, if published { pack.hash() } else { before }, "{name}");
    }
    app.finish().await;
}

fn lantai(arguments: &[&str], input: &str) -> (i32, String, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_lantai"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn a_script_walks_a_case_as_a_person_would() {
    let script = "facts kind=institution\nattach complete\nadvisor/li submit\nadvisor accept\ndance\n\
                  cs_manager/wang return reason=unsigned documents=risk_statement contracts=1\nnext\n\
                  gm/zhao cancel points=3 note=too late, and again\nundo\nquit\nnever read\n";
    let at = ["--at", "2026-03-02T09:00:00+08:00"];
    let (code, out, err) =
        lantai(&[&["pack", "simulate", PACK, "customer-intake"], &at[..]].concat(), script);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    let mut lines = out.lines();
    for wanted in [
        "== 2026-03-02 09:00 | To be submitted (draft) | attempt 0 | points 0",
        "   checklist: Personal customer",
        "> facts kind=institution",
        "   checklist: Institutional customer",
        "> advisor/li submit",
        "   -> documents fixed (8)",
        "== 2026-03-02 09:00 | Under review (review) | attempt 1 | points 0",
        "   deadline: 2026-03-04 24:00",
        "> advisor accept",
        "refused (role): This is for: Customer-service manager.",
        "> dance",
        "not understood: dance",
        "   -> points 1 (li)",
        "> next",
        "2026-03-10 00:00 the clock acts: Correction overdue (overdue)",
        "   gm: cancel (Cancel) needs: note, points",
        "> gm/zhao cancel points=3 note=too late, and again",
        "== 2026-03-10 00:00 | Cancelled (cancelled) | attempt 1 | points 4",
        "> undo",
        "== 2026-03-10 00:00 | General manager decides (gm_decision) | attempt 1 | points 1",
        "> quit",
    ] {
        assert!(lines.any(|line| line == wanted), "{wanted:?} is missing or out of order:\n{out}");
    }
    assert_eq!(lines.next(), None);
}

#[test]
fn the_verbs_of_packs_tell_people_and_programs() {
    let (code, out, _) = lantai(&["pack", "diff", "bundled", PACK], "");
    assert_eq!((code, out.as_str()), (0, ""));
    let folder = tempfile::tempdir().unwrap();
    let packs = broken_packs();
    let write = |name: &str| {
        for (path, bytes) in packs[name].files(name) {
            let path = folder.path().join(name).join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        folder.path().join(name).display().to_string()
    };
    let warned = write("W20-accepted");
    let (code, out, _) = lantai(&["pack", "check", &warned], "");
    assert!(
        code == 0 && out.contains("accepted: tried by hand") && out.ends_with("0 findings, 1 accepted\n"),
        "{out}"
    );
    let (code, out, _) = lantai(&["pack", "check", &write("E05-no-reason"), "--json"], "");
    let found: Vec<Finding> = serde_json::from_str(&out).unwrap();
    assert_eq!((code, found.len(), found[0].column, found[0].subject.as_str()), (1, 1, 3, "states.draft"));
    let (code, out, _) = lantai(&["pack", "diff", "bundled", &warned, "--lang", "zh"], "");
    assert_eq!((code, out.as_str()), (1, "故事：新增或改动 1 个，删除或改动 1 个\n"));
    let (code, out, _) = lantai(&["pack", "diagram", PACK, "customer-intake", "--format", "dot"], "");
    assert!(code == 0 && out.starts_with("digraph") && out.contains("Under review"), "{out}");
    let (code, _, err) = lantai(&["pack", "diagram", "bundled", "tea-making"], "");
    assert!(code == 2 && err.contains("it has appointment, "), "{err}");
    let (code, _, err) = lantai(&["pack", "test", &write("E01-state")], "");
    assert!(code == 2 && err.contains(": E01 the state `corrections` is not defined"), "{err}");
}

#[test]
fn no_file_makes_the_check_fall_over() {
    let good = bundled();
    for path in good.keys() {
        for cut in [0, 1, 7, 100, 1000, 3000] {
            for junk in [&b""[..], b"\xff\xfe", b"\n- [", b"\n? {a: b}\n: 1", b"\n\t", b"null"] {
                let mut files = good.clone();
                let bytes = files.get_mut(path).unwrap();
                bytes.truncate(cut);
                bytes.extend_from_slice(junk);
                pack::check(&files);
            }
        }
    }
    assert!(!pack::check(&BTreeMap::new()).is_empty());
    let small = Limits { file_bytes: 100, ..Limits::default() };
    assert!(pack::check_with(&good, small).iter().all(|found| found.code == "E00"));
}

#[test]
fn a_folder_is_read_as_the_bundled_pack() {
    let read = Pack::read_dir(Path::new(PACK)).unwrap();
    assert_eq!(read.hash(), Pack::bundled().hash());
    let reference = read.definition("customer-intake").unwrap().reference();
    assert!(reference.starts_with("customer-intake@1.1.0#sha256:"), "{reference}");
}
