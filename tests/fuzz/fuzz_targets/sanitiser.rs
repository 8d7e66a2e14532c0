//! The fuzzer's entry to [`tests::fuzz::sanitiser`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tests::fuzz::sanitiser(bytes));
