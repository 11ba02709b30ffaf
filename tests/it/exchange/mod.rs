//! The catalogue and the stock as CSV: what is written is read back, and a file that is wrong anywhere changes
//! nothing.

mod changes;
mod given;
mod headers;
mod refusals;
mod round_trips;
mod spreadsheets;
mod stock;
