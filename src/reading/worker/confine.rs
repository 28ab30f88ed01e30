//! What the operating system is asked to forbid the child.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::set_no_new_privs;

use crate::reading::Limits;

/// From here on this process, and whatever it might start, can open no file and no socket, write no file, leave
/// no core dump, gain no rights, and has only so much memory and processor time (`setrlimit(2)`).
/// With OCR, and with pages that are drawn, the processor time may be raised, page by page, by that and no further.
pub(super) fn confine(limits: &Limits, with_ocr: bool, with_pictures: bool) -> io::Result<()> {
    // If the machine runs out of memory, this process goes before the server. Some containers forbid it.
    let _ = std::fs::write("/proc/self/oom_score_adj", "800");
    // The signal at the soft limit tells the parent why; the hard one cannot be ignored.
    let ocr_seconds = if with_ocr { limits.ocr_cpu_seconds() } else { 0 };
    let picture_seconds =
        if with_pictures { limits.picture_seconds + limits.picture_page_seconds } else { 0 };
    let most_seconds = limits.seconds + ocr_seconds + picture_seconds + 2;
    set(Resource::Cpu, limits.seconds, most_seconds)?;
    for (resource, most) in [
        (Resource::As, limits.memory_bytes),
        (Resource::Core, 0),
        (Resource::Fsize, 0),
        // Stdin, stdout and stderr are open.
        (Resource::Nofile, 3),
        (Resource::Nproc, 0),
        (Resource::Memlock, 0),
    ] {
        set(resource, most, most)?;
    }
    Ok(set_no_new_privs(true)?)
}

/// Raises the limit on processor time, as far as [`confine`] allows.
pub(super) fn allow_more_time(seconds: u64) {
    let limit = getrlimit(Resource::Cpu);
    if let (Some(current), Some(maximum)) = (limit.current, limit.maximum) {
        let raised = current.saturating_add(seconds).min(maximum.saturating_sub(2));
        // If that is forbidden, the page has less time.
        let _ = set(Resource::Cpu, raised, maximum);
    }
}

fn set(resource: Resource, current: u64, maximum: u64) -> io::Result<()> {
    Ok(setrlimit(resource, Rlimit { current: Some(current), maximum: Some(maximum) })?)
}
