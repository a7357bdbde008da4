//! How RocksDB is set up. Chunks come as whole tables and leave as whole tables: nothing of them is compacted unasked,
//! and they are compressed already. Series and metadata are small, and are kept like any other data.

use rocksdb::{
    BlockBasedOptions, Cache, ColumnFamilyDescriptor, DBCompressionType, DBRecoveryMode, Options,
};

use super::{META, SERIES, Tier};

const BLOCK_BYTES: usize = 16 << 10;
/// Series that follow each other are much alike, and are read all at once: the larger a block, the smaller they are.
const SERIES_BLOCK_BYTES: usize = 128 << 10;
/// Written through the log: series by and by, and metadata. Small, so that the memory of the process is.
const BUFFER_BYTES: usize = 4 << 20;
const LOG_BYTES: u64 = 32 << 20;
const OPEN_FILES: i32 = 512;
/// RocksDB's default.
const ZSTD_WINDOW_BITS: i32 = -14;
/// The third, which is the default, takes half as long again for a hundredth less.
const ZSTD_LEVEL: i32 = 1;

pub(super) fn database() -> Options {
    let mut options = Options::default();
    options.create_if_missing(true);
    options.create_missing_column_families(true);
    options.set_keep_log_file_num(4);
    options.set_max_total_wal_size(LOG_BYTES);
    options.set_max_open_files(OPEN_FILES);
    // A log that ends in half a record is what a crash leaves. The default would take any damage for such an end, and
    // forget all that is behind it.
    options.set_wal_recovery_mode(DBRecoveryMode::TolerateCorruptedTailRecords);
    options.set_track_and_verify_wals_in_manifest(true);
    options
}

pub(super) fn families(cache_bytes: usize) -> Vec<ColumnFamilyDescriptor> {
    let cache = Cache::new_lru_cache(cache_bytes);
    let chunks = Tier::ALL.map(|tier| ColumnFamilyDescriptor::new(tier.family(), chunks(&cache)));
    let mut families = vec![
        ColumnFamilyDescriptor::new("default", small(BLOCK_BYTES)),
        ColumnFamilyDescriptor::new(SERIES, small(SERIES_BLOCK_BYTES)),
        ColumnFamilyDescriptor::new(META, small(BLOCK_BYTES)),
    ];
    families.extend(chunks);
    families
}

/// For tables of chunks that are to be ingested.
pub(super) fn table() -> Options {
    chunks(&Cache::new_lru_cache(0))
}

/// For tables of series that are to be ingested.
pub(super) fn series_table() -> Options {
    small(SERIES_BLOCK_BYTES)
}

fn chunks(cache: &Cache) -> Options {
    let mut block = BlockBasedOptions::default();
    block.set_block_size(BLOCK_BYTES);
    block.set_block_cache(cache);
    block.set_cache_index_and_filter_blocks(true);
    block.set_format_version(5);
    let mut options = Options::default();
    options.set_block_based_table_factory(&block);
    options.set_compression_type(DBCompressionType::None);
    options.set_disable_auto_compactions(true);
    options.set_write_buffer_size(BUFFER_BYTES);
    options.set_max_write_buffer_number(2);
    options
}

fn small(block_bytes: usize) -> Options {
    let mut block = BlockBasedOptions::default();
    block.set_block_size(block_bytes);
    let mut options = Options::default();
    options.set_block_based_table_factory(&block);
    options.set_compression_type(DBCompressionType::Zstd);
    options.set_compression_options(ZSTD_WINDOW_BITS, ZSTD_LEVEL, 0, 0);
    options.set_write_buffer_size(BUFFER_BYTES);
    options.set_max_write_buffer_number(2);
    options
}
