{value}::{type}
