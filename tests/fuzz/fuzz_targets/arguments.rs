//! The fuzzer's entry to [`tests::fuzz::arguments`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tests::fuzz::arguments(bytes));
