//! The program: nothing but the choice of what to run.

use std::io::{stdin, stdout};
use std::process::ExitCode;

use tikv_jemallocator::Jemalloc;

use lantai::reading::worker::{VERB, run_worker};

/// It gives memory back that is not used any more: an idle archive is small.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    // With huge pages a small heap is resident as a large one.
    let _ = rustix::thread::disable_transparent_huge_pages(true);
    // The reading child comes first: it must not even parse arguments with what it has.
    if std::env::args_os().nth(1).is_some_and(|verb| verb == VERB) {
        return run_worker(stdin().lock(), stdout().lock());
    }
    lantai::cli::run()
}
