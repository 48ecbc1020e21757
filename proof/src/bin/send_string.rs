//! Sends its standard input to a database as one string, by the simple protocol: `send_string CLUSTER DATABASE USER`.

use postgres::{Client, NoTls};
use std::error::Error;
use std::io::Read;
use std::process::ExitCode;

fn main() -> ExitCode {
    dts_proof::of_fidelity(send)
}

fn send([cluster, database, user]: [String; 3]) -> Result<(), Box<dyn Error>> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    Client::connect(
        &format!("host={cluster} port=5432 user={user} dbname={database}"),
        NoTls,
    )?
    .batch_execute(&text)?;
    Ok(())
}
