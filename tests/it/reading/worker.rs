//! The child process: it answers as the engine does, and however it ends, the parent gets an answer.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::{Command, Stdio};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use lantai::reading::worker::{Error, Reader, VERB};
use lantai::reading::{Limits, MediaType, Outcome, Reason, read};
use tokio::io::{AsyncRead, ReadBuf};

use super::{reader, samples, unreadable};

#[tokio::test]
async fn the_child_reads_as_the_engine_does() {
    let Some(samples) = samples() else { return };
    let reader = reader(Limits::default());
    for name in
        ["pdf/text_gbk_euc_h.pdf", "pdf/scan_jbig2.pdf", "pages/c09_wqy12_200_g4.tif", "scans/linn.txt"]
    {
        let bytes = fs::read(samples.join(name)).unwrap();
        let answer = reader.read(bytes.clone()).await.unwrap();
        assert_eq!(answer, read(bytes, &Limits::default()), "{name}");
        assert!(!matches!(answer.outcome, Outcome::Unreadable { .. }), "{name}");
    }
}

#[tokio::test]
async fn a_file_is_read_as_a_stream() {
    let Some(samples) = samples() else { return };
    let path = samples.join("pdf/scan_jpeg.pdf");
    let size = fs::metadata(&path).unwrap().len();
    let file = tokio::fs::File::open(&path).await.unwrap();
    let reading = reader(Limits::default()).read_stream(size, file).await.unwrap();
    assert_eq!((reading.media_type, reading.page_count), (MediaType::Pdf, 10));
}

#[tokio::test]
async fn too_much_is_refused_without_a_child() {
    let limits = Limits { file_bytes: 10, ..Limits::default() };
    let nowhere = Reader::new(PathBuf::from("/does/not/exist"), limits);
    let reading = nowhere.read("eleven byte").await.unwrap();
    assert_eq!(reading.outcome, unreadable(Reason::TooLarge));
    assert_eq!(reading.media_type, MediaType::Text);
    assert!(matches!(nowhere.read("ten bytes!").await, Err(Error::Worker(_))));
}

/// Gives a little and then breaks off.
struct Broken(Option<&'static [u8]>, Option<io::ErrorKind>);

impl AsyncRead for Broken {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match (self.0.take(), self.1) {
            (Some(bytes), _) => to.put_slice(bytes),
            (None, Some(kind)) => return Poll::Ready(Err(kind.into())),
            (None, None) => {}
        }
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn a_source_that_breaks_off_is_not_the_documents_fault() {
    let reader = reader(Limits::default());
    for kind in [None, Some(io::ErrorKind::ConnectionReset)] {
        let result = reader.read_stream(1000, Broken(Some(b"%PDF-1.4\n"), kind)).await;
        assert!(matches!(result, Err(Error::Source(_))), "{result:?}");
    }
}

/// A program that is started in place of the worker.
fn stand_in(folder: &Path, script: &str) -> PathBuf {
    let path = folder.join("stand-in");
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[tokio::test]
async fn however_the_child_ends_there_is_an_answer() {
    let one_second = Limits { seconds: 1, ..Limits::default() };
    let take_all = "/bin/cat >/dev/null";
    for (script, expected) in [
        (format!("{take_all}; exec /bin/sleep 100"), Reason::TimedOut),
        (format!("{take_all}; exec <&- >&- 2>&-; exec /bin/sleep 100"), Reason::TimedOut),
        (format!("{take_all}; kill -SEGV $$"), Reason::Crashed),
        (format!("{take_all}; kill -XCPU $$"), Reason::TimedOut),
        (
            format!("{take_all}; echo 'memory allocation of 7 bytes failed' >&2; kill -ABRT $$"),
            Reason::OutOfMemory,
        ),
        (format!("{take_all}; echo '{{\"pages\":'"), Reason::Crashed),
        (format!("{take_all}; exec /usr/bin/yes"), Reason::Crashed),
        (format!("{take_all}; /usr/bin/yes x | /usr/bin/head -c 1000000 >&2; exit 3"), Reason::Crashed),
        ("exit 0".to_owned(), Reason::Crashed),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let reader = Reader::new(stand_in(folder.path(), &script), one_second.clone());
        let started = Instant::now();
        let reading = reader.read(vec![b'x'; 1 << 20]).await.unwrap();
        assert_eq!(
            (reading.media_type, reading.outcome),
            (MediaType::Text, unreadable(expected)),
            "{script}"
        );
        assert!(started.elapsed() < Duration::from_secs(8), "{script}: {:?}", started.elapsed());
    }
}

#[tokio::test]
async fn a_child_that_somebody_else_ends_is_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let exe = stand_in(folder.path(), "/bin/cat >/dev/null; kill -TERM $$");
    let result = Reader::new(exe, Limits::default()).read("text").await;
    assert!(matches!(result, Err(Error::Interrupted)), "{result:?}");
    let exe = stand_in(folder.path(), "exit 70");
    let result = Reader::new(exe, Limits::default()).read("text").await;
    assert!(matches!(result, Err(Error::Worker(_))), "{result:?}");
}

#[tokio::test]
async fn the_child_gets_nothing_from_its_parent() {
    let folder = tempfile::tempdir().unwrap();
    let seen = folder.path().join("seen");
    let script = format!("/bin/cat >/dev/null; (/usr/bin/env; pwd) > {}", seen.display());
    let _ = Reader::new(stand_in(folder.path(), &script), Limits::default()).read("text").await;
    let seen = fs::read_to_string(seen).unwrap();
    assert!(!seen.contains("HOME=") && !seen.contains("CARGO") && !seen.contains("PATH="), "{seen}");
    assert!(seen.lines().any(|line| line == "/"), "{seen}");
}

#[tokio::test]
async fn the_child_is_confined_before_it_sees_the_document() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_lantai"))
        .arg(VERB)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let limits = Limits { seconds: 7, memory_bytes: 300 << 20, ..Limits::default() };
    let header = format!("{{\"limits\":{},\"size_bytes\":9}}\n", serde_json::to_string(&limits).unwrap());
    child.stdin.as_mut().unwrap().write_all(header.as_bytes()).unwrap();
    let about = |file: &str| fs::read_to_string(format!("/proc/{}/{file}", child.id())).unwrap();
    for _ in 0..200 {
        if about("status").contains("NoNewPrivs:\t1") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let found = about("limits");
    let soft = |name: &str| {
        let line = found.lines().find(|line| line.starts_with(name)).unwrap();
        line[name.len()..].split_whitespace().next().unwrap().to_owned()
    };
    for (name, expected) in [
        ("Max open files", "3"),
        ("Max file size", "0"),
        ("Max core file size", "0"),
        ("Max processes", "0"),
        ("Max cpu time", "7"),
        ("Max address space", "314572800"),
    ] {
        assert_eq!(soft(name), expected, "{name}");
    }
    drop(child.stdin.take());
    assert_eq!(child.wait().unwrap().code(), Some(70));
}

#[tokio::test]
async fn a_dropped_reading_ends_its_child() {
    let folder = tempfile::tempdir().unwrap();
    let pid = folder.path().join("pid");
    let exe = stand_in(folder.path(), &format!("echo $$ > {}; exec /bin/sleep 1000", pid.display()));
    let reader = Reader::new(exe, Limits::default());
    let _ = tokio::time::timeout(Duration::from_secs(1), reader.read("text")).await.unwrap_err();
    let pid = fs::read_to_string(pid).unwrap();
    let alive =
        || fs::read_to_string(format!("/proc/{}/stat", pid.trim())).is_ok_and(|stat| !stat.contains(") Z "));
    for _ in 0..100 {
        if !alive() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the child lives on");
}

#[tokio::test]
async fn children_are_few() {
    let folder = tempfile::tempdir().unwrap();
    let exe = stand_in(folder.path(), "/bin/cat >/dev/null; exec /bin/sleep 0.3");
    let reader = Reader::new(exe, Limits::default()).with_children(1);
    let started = Instant::now();
    let _ = tokio::join!(reader.read("one"), reader.read("two"), reader.read("three"));
    assert!(started.elapsed() >= Duration::from_millis(900), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_child_costs_little() {
    let reader = reader(Limits::default());
    let _ = reader.read("warm up").await.unwrap();
    let started = Instant::now();
    for _ in 0..20 {
        assert_eq!(reader.read("some text").await.unwrap().outcome, Outcome::Read);
    }
    let each = started.elapsed() / 20;
    println!("a child costs {each:?}");
    assert!(each < Duration::from_millis(500));
}
