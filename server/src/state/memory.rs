//! The memory of all queries' state together, and the options of their databases.

use rocksdb::{
    BlockBasedOptions, Cache, ColumnFamilyDescriptor, DBCompressionType, LogLevel, Options,
    WriteBufferManager,
};

/// Blocks, indexes, filters and write buffers of all queries together.
pub const MEMORY_BYTES_DEFAULT: usize = 128 << 20;

/// The write buffers' share of it.
const WRITE_BUFFERS_SHARE: usize = 2;

/// A column family's write buffer is flushed at this size, if the common limit does not come first.
const WRITE_BUFFER_BYTES: usize = 32 << 20;

/// Files of one database that are open at once.
const FILES_OPEN_MAX: i32 = 256;

/// Rewritten above this, since each snapshot holds a copy.
const DATABASE_MANIFEST_BYTES_MAX: usize = 1 << 20;

const BLOCK_BYTES: usize = 8 << 10;
const BLOOM_BITS_PER_KEY: f64 = 10.0;
const MEMTABLE_BLOOM_SHARE: f64 = 0.05;
const BACKGROUND_JOBS: i32 = 2;
const DATABASE_LOGS_KEPT: usize = 2;

/// One for the process; clones share it. Write buffers are counted in the cache, so its size bounds both.
#[derive(Clone)]
pub struct SharedMemory {
    cache: Cache,
    write_buffers: WriteBufferManager,
}

impl SharedMemory {
    pub fn new(bytes: usize) -> SharedMemory {
        let cache = Cache::new_lru_cache(bytes);
        let share = bytes / WRITE_BUFFERS_SHARE;
        let write_buffers =
            WriteBufferManager::new_write_buffer_manager_with_cache(share, false, cache.clone());
        SharedMemory { cache, write_buffers }
    }

    /// Bytes in use now, by all queries.
    pub fn used(&self) -> usize {
        self.cache.get_usage()
    }

    pub(super) fn database_options(&self) -> Options {
        let mut options = Options::default();
        options.create_if_missing(true);
        options.create_missing_column_families(true);
        // Without a log of its own, the database is whole after a crash only if all column families are
        // flushed at the same version.
        options.set_atomic_flush(true);
        options.set_write_buffer_manager(&self.write_buffers);
        options.set_max_open_files(FILES_OPEN_MAX);
        options.set_max_background_jobs(BACKGROUND_JOBS);
        options.set_max_manifest_file_size(DATABASE_MANIFEST_BYTES_MAX);
        options.set_keep_log_file_num(DATABASE_LOGS_KEPT);
        options.set_log_level(LogLevel::Warn);
        options.set_skip_stats_update_on_db_open(true);
        options.set_stats_dump_period_sec(0);
        options.set_stats_persist_period_sec(0);
        options
    }

    pub(super) fn family(&self, name: &str) -> ColumnFamilyDescriptor {
        let mut blocks = BlockBasedOptions::default();
        blocks.set_block_cache(&self.cache);
        blocks.set_block_size(BLOCK_BYTES);
        // Most keys of a window's first batch are not there yet: a filter answers that without a read.
        blocks.set_bloom_filter(BLOOM_BITS_PER_KEY, false);
        blocks.set_cache_index_and_filter_blocks(true);
        blocks.set_pin_l0_filter_and_index_blocks_in_cache(true);
        blocks.set_format_version(6);
        let mut options = Options::default();
        options.set_block_based_table_factory(&blocks);
        options.set_compression_type(DBCompressionType::Lz4);
        options.set_write_buffer_size(WRITE_BUFFER_BYTES);
        options.set_memtable_whole_key_filtering(true);
        options.set_memtable_prefix_bloom_ratio(MEMTABLE_BLOOM_SHARE);
        ColumnFamilyDescriptor::new(name, options)
    }
}

impl Default for SharedMemory {
    fn default() -> SharedMemory {
        SharedMemory::new(MEMORY_BYTES_DEFAULT)
    }
}
