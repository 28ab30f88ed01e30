//! Whose keys open the archive: what the log says of it counts, not what stands in the bucket.

mod described;
