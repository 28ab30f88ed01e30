//! Whose keys open the archive: what the log says of it counts, and changing a key seals key objects anew and nothing else.

mod described;
mod rotating;
