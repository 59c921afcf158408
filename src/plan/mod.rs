//! The plan: phases, steps, gates and digests, and its TOML file. Pure.

pub mod check;
mod emit;
pub mod file;
pub mod model;

pub use model::*;

#[cfg(test)]
mod tests;
