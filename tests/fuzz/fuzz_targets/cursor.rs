//! The fuzzer's entry to [`tests::fuzz::cursor`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tests::fuzz::cursor(bytes));
