//! Folders that were damaged and are made again: moved out of the way, and deleted some days later.
//!
//! They are of no use to the archive, which makes records and index again from the bucket; they are kept for whoever
//! wants to know what happened to the disk. All in them is sealed, as it was before.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};

use super::Error;
use super::folder::io_error;

const MARK: &str = ".set-aside-";

/// Moves a folder out of the way, under a name that says when. Of those moved before it only this one is kept.
pub(super) fn put(dir: &Path, now: Timestamp) -> Result<PathBuf, Error> {
    if let (Some(data), Some(name)) = (dir.parent(), dir.file_name()) {
        let own = |path: &Path| name_of(path).starts_with(&format!("{}{MARK}", name.to_string_lossy()));
        remove(data, |path, _| own(path));
    }
    let mut name = dir.as_os_str().to_owned();
    name.push(format!("{MARK}{}", now.as_millisecond()));
    let aside = PathBuf::from(name);
    std::fs::rename(dir, &aside).map_err(|source| io_error(dir, source))?;
    Ok(aside)
}

/// Deletes what was moved out of the way more than `days` ago.
pub(super) fn clear(data: &Path, days: u64, now: Timestamp) {
    let days = i64::try_from(days).unwrap_or(i64::MAX);
    let longest = SignedDuration::from_hours(days.saturating_mul(24).min(1 << 30));
    remove(data, |_, since| now.duration_since(since) >= longest);
}

fn remove(data: &Path, unwanted: impl Fn(&Path, Timestamp) -> bool) {
    for entry in std::fs::read_dir(data).into_iter().flatten().flatten() {
        let path = entry.path();
        let since = name_of(&path).split_once(MARK).and_then(|(_, since)| since.parse().ok());
        let since = since.and_then(|since| Timestamp::from_millisecond(since).ok());
        if since.is_some_and(|since| unwanted(&path, since))
            && let Err(error) = std::fs::remove_dir_all(&path)
        {
            tracing::warn!(%error, "a folder that was set aside could not be deleted");
        }
    }
}

fn name_of(path: &Path) -> String {
    path.file_name().map(OsStr::to_string_lossy).unwrap_or_default().into_owned()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::{clear, put};

    #[test]
    fn the_last_of_each_kind_is_kept_for_some_days() {
        let data = tempfile::tempdir().unwrap();
        let at = |day: i64| Timestamp::from_second(1_800_000_000 + day * 86_400).unwrap();
        let dir = |name: &str| data.path().join(name);
        let make = |name: &str, day: i64| {
            std::fs::create_dir(dir(name)).unwrap();
            std::fs::write(dir(name).join("db"), "x").unwrap();
            put(&dir(name), at(day)).unwrap()
        };
        let (first, index) = (make("records", 0), make("index", 0));
        assert!(!dir("records").exists() && first.exists() && index.exists());
        let second = make("records", 1);
        assert!(second.exists() && index.exists() && !first.exists());
        std::fs::create_dir(dir("records")).unwrap();
        clear(data.path(), 7, at(7));
        assert!(second.exists() && !index.exists());
        clear(data.path(), 7, at(8));
        assert!(!second.exists() && dir("records").exists());
        let third = make("index", 9);
        clear(data.path(), 0, at(9));
        assert!(!third.exists());
    }
}
