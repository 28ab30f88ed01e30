//! What the folder of an index must have: a list of segments, and every file of each.

use std::path::PathBuf;

use tantivy::index::{SegmentComponent, SegmentMeta};
use tantivy::{Directory, IndexSettings};

use super::error::Error;
use super::schema::Fields;

/// Stored ids are read a few at a time: small blocks are read and unpacked faster.
const STORE_BLOCK_BYTES: usize = 2048;
/// The files that a segment may have.
const PARTS: [SegmentComponent; 7] = [
    SegmentComponent::Postings,
    SegmentComponent::Positions,
    SegmentComponent::FastFields,
    SegmentComponent::FieldNorms,
    SegmentComponent::Terms,
    SegmentComponent::Store,
    SegmentComponent::Delete,
];

/// The files that a segment must have.
pub(super) fn files_of(segment: &SegmentMeta) -> impl Iterator<Item = PathBuf> {
    let has_deletes = segment.num_deleted_docs() > 0;
    let parts = PARTS.into_iter().filter(move |part| *part != SegmentComponent::Delete || has_deletes);
    parts.map(|part| segment.relative_path(part))
}

/// The index in this folder, or an empty one if the folder is empty.
pub(super) fn open_or_create(
    directory: impl Directory,
    fields: &Fields,
    has_content: bool,
) -> Result<tantivy::Index, Error> {
    let exists = tantivy::Index::exists(&directory).map_err(tantivy::TantivyError::from)?;
    if !exists {
        // A folder with files but without the list of its segments has lost it.
        if has_content {
            return Err(Error::Corrupt);
        }
        let settings = IndexSettings {
            docstore_compress_dedicated_thread: false,
            docstore_blocksize: STORE_BLOCK_BYTES,
            ..IndexSettings::default()
        };
        return Ok(tantivy::Index::create(directory, fields.schema.clone(), settings)?);
    }
    let index = tantivy::Index::open(directory)?;
    if index.schema() == fields.schema { Ok(index) } else { Err(Error::Corrupt) }
}
