//! How much memory and work the search may take.

/// Tantivy works with no less, in bytes.
pub(super) const WRITER_MEMORY_MIN: usize = 15_000_000;

/// Bounds of one index.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Memory for indexing before a segment is written, in bytes; less than 15 MB counts as 15 MB.
    pub writer_memory_bytes: usize,
    /// Text that waits to be indexed, in bytes; with more the index commits by itself.
    pub waiting_text_bytes: usize,
    /// Decrypted pieces of the index that are kept, in bytes.
    pub cache_bytes: usize,
    /// Which items are in the scopes that were searched lately, in bytes: a bit for each item of the index and scope.
    pub scopes_bytes: usize,
    /// Segments with more items than this are not merged any more.
    pub merge_max_items: usize,
    /// Characters of a query that are read.
    pub query_max_chars: usize,
    /// Words and phrases of a query that are looked up.
    pub query_max_words: usize,
    /// Hits in one answer.
    pub results_max: usize,
    /// How far into the results one can page.
    pub results_offset_max: usize,
    /// Moments that are kept for those who page through a list; each may hold files that the index has replaced.
    pub views_max: usize,
    /// How long each is kept after it was last the newest, in seconds.
    pub view_seconds: u64,
    /// Hits of more cases than this are not counted by case.
    pub facet_cases_max: usize,
    /// Characters of a page that are indexed.
    pub text_max_chars: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            writer_memory_bytes: 16_000_000,
            waiting_text_bytes: 8 << 20,
            cache_bytes: 32 << 20,
            scopes_bytes: 8 << 20,
            merge_max_items: 1_000_000,
            query_max_chars: 1000,
            query_max_words: 32,
            results_max: 200,
            results_offset_max: 10_000,
            views_max: 8,
            view_seconds: 900,
            facet_cases_max: 20_000,
            text_max_chars: 1_000_000,
        }
    }
}
