//! What the operating system is asked to forbid the child.

use std::io;

use rustix::process::{Resource, Rlimit, setrlimit};
use rustix::thread::set_no_new_privs;

use crate::reading::Limits;

/// From here on this process, and whatever it might start, can open no file and no socket, write no file, leave
/// no core dump, gain no rights, and has only so much memory and processor time (`setrlimit(2)`).
pub(super) fn confine(limits: &Limits) -> io::Result<()> {
    // If the machine runs out of memory, this process goes before the server. Some containers forbid it.
    let _ = std::fs::write("/proc/self/oom_score_adj", "800");
    // The signal at the soft limit tells the parent why; the hard one cannot be ignored.
    set(Resource::Cpu, limits.seconds, limits.seconds.saturating_add(2))?;
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

fn set(resource: Resource, current: u64, maximum: u64) -> io::Result<()> {
    Ok(setrlimit(resource, Rlimit { current: Some(current), maximum: Some(maximum) })?)
}
