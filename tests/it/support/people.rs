//! As many people as a test needs: `p0`, `p1` and so on at the provider.

use super::provider::Person;

pub fn person(number: usize) -> Person {
    Person::new(&login(number), &format!("00u{number}"))
        .claim("name", name(number))
        .claim("email", email(number))
}

pub fn login(number: usize) -> String {
    format!("p{number}")
}

pub fn name(number: usize) -> String {
    format!("Person {number}")
}

pub fn email(number: usize) -> String {
    format!("{number}@example.com")
}
