//! What a source keeps in the checkpoint besides offsets. The checkpoint implements it, sources call it; neither
//! knows the other, so the trait stands here.

use super::BatchId;
use crate::error::Result;

/// The source's own log in the checkpoint, `sources/<i>/`: numbered entries that never change once written.
pub trait SourceLog: Send + Sync {
    /// Entry `id`, or nothing. `Data` error if it is torn.
    fn get(&self, id: BatchId) -> Result<Option<Vec<u8>>>;

    /// Writes entry `id` durably; an error if it exists with other content.
    fn add(&self, id: BatchId, content: &[u8]) -> Result<()>;

    /// The ids there are, ascending; a compact entry counts under its id, see [`SourceLog::get_compact`].
    fn ids(&self) -> Result<Vec<BatchId>>;

    /// The compact entry `id` (`<id>.compact`), or nothing.
    fn get_compact(&self, id: BatchId) -> Result<Option<Vec<u8>>>;

    fn add_compact(&self, id: BatchId, content: &[u8]) -> Result<()>;

    /// Deletes entries and compact entries before `id`.
    fn purge(&self, before: BatchId) -> Result<()>;
}
