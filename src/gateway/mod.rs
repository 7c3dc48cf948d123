//! Access rules: an original request, as a proxy describes it, and a visitor in; a decision out. Knows neither the web
//! framework nor the database: it reads header names and values.

pub mod decision;
pub mod host;
pub mod identity;
pub mod identity_token;
pub mod kind;
pub mod malformed;
pub mod original_request;
pub mod path;
#[cfg(test)]
mod properties;
pub mod rules;
pub mod visitor;

/// The headers of a request, by lower-case name. A name that comes twice has two values.
pub trait Headers {
    /// All values of `name`, in order.
    fn values<'a>(&'a self, name: &'static str) -> impl Iterator<Item = &'a [u8]>;

    /// The value of a header that only informs: the first one, if it is text.
    fn hint<'a>(&'a self, name: &'static str) -> Option<&'a str> {
        std::str::from_utf8(self.values(name).next()?).ok()
    }
}
