//! Sends its standard input to a database as one string, by the simple protocol: `send_string CLUSTER DATABASE USER`.

use postgres::{Client, NoTls};
use std::error::Error;
use std::io::Read;
use std::process::ExitCode;

fn main() -> ExitCode {
    match send() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn send() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(cluster), Some(database), Some(user)) =
        (arguments.next(), arguments.next(), arguments.next())
    else {
        return Err("start this program by proof/fidelity".into());
    };
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    Client::connect(
        &format!("host={cluster} port=5432 user={user} dbname={database}"),
        NoTls,
    )?
    .batch_execute(&text)?;
    Ok(())
}
