#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| doorward::internals::fuzzing::place(input));
