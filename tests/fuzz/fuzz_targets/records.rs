//! The fuzzer's entry to [`tests::fuzz::records`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tests::fuzz::records(bytes));
