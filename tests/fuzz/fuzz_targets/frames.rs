//! The fuzzer's entry to [`tests::fuzz::frames`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tests::fuzz::frames(bytes));
