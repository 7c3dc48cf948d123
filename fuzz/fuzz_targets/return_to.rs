#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| doorward::fuzzing::return_to(input));
