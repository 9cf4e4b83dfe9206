"""Go, Rust, Java, Kotlin, C, C++, Ruby and PHP for the guard: one reader, driven by a grammar and a vocabulary each."""
