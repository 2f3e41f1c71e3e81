//! A tour of nuncio: the same requests through every adapter there is, over HTTP/1.1 and HTTP/2.
//!
//! ```text
//! cargo run -p nuncio --example tour --features full
//! ```
//!
//! It needs no network: servers and proxies on loopback ports answer, those with TLS by certificates
//! made on the fly. It has two chapters, and in each the blocking client comes first, then the async one:
//! the same lines, and `.await` behind what waits.
//!
//! - `requests.rs`: bodies, forms, streams, redirects, cookies, authentication, hooks, errors
//! - `connections.rs`: proxies, client certificates, Unix sockets, upgrades, and what may be dialled
//!
//! The other files are what it is shown on: `site.rs` and `http2.rs` the servers, `house.rs` what stands
//! around them, `table.rs` what is printed. The exit status is 0 only if everything was as expected.

mod connections;
mod house;
mod http2;
mod requests;
mod site;
mod table;

use house::House;
use site::Site;
use std::process::ExitCode;
use table::Table;

fn main() -> ExitCode {
    let mut table = Table::begin();
    match tour(&mut table) {
        Ok(()) if table.surprises == 0 => ExitCode::SUCCESS,
        Ok(()) => {
            eprintln!("{} of these were not as expected", table.surprises);
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("the tour ended early: {error}");
            ExitCode::FAILURE
        }
    }
}

fn tour(table: &mut Table) -> Result<(), Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;

    for site in [Site::plain()?, Site::tls()?, Site::http2()?] {
        requests::on_blocking(&site, table)?;
        runtime.block_on(async {
            let file = nuncio::tokio::file_part(&site.file).await?;
            requests::on_async("tokio", nuncio::tokio::builder(), file, &site, table).await
        })?;
        smol::block_on(async {
            let file = nuncio::smol::file_part(&site.file).await?;
            requests::on_async("smol", nuncio::smol::builder(), file, &site, table).await
        })?;
        async_std::task::block_on(async {
            let file = nuncio::async_std::file_part(&site.file).await?;
            let builder = nuncio::async_std::builder();
            requests::on_async("async-std", builder, file, &site, table).await
        })?;
    }

    let house = House::new()?;
    connections::on_blocking(&house, table)?;
    let builder = nuncio::tokio::builder();
    runtime.block_on(connections::on_async("tokio", builder, &house, table))?;
    let builder = nuncio::smol::builder();
    smol::block_on(connections::on_async("smol", builder, &house, table))?;
    let builder = nuncio::async_std::builder();
    async_std::task::block_on(connections::on_async("async-std", builder, &house, table))?;
    Ok(())
}
