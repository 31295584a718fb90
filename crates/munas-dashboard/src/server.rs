//! The server: an address of this machine alone, and what is answered there.

use std::convert::Infallible;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, RawQuery, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::from_fn_with_state;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::stream::{Stream, unfold};
use munas_app::{UserError, UserResult};
use munas_run::RunReader;
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use crate::details;
use crate::guard::{Guard, guarded};
use crate::live::{SharedRun, locked};
use crate::records::{RunJson, RunsJson, directory_name};
use crate::runs::Runs;

/// How often a page is told what is new.
const EVERY: Duration = Duration::from_secs(1);

/// How often to look whether to stop.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Where the page is. Whoever has the token can read the runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The port on this machine.
    pub port: u16,
    token: String,
}

/// The address to open, with the token.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://127.0.0.1:{}/?token={}", self.port, self.token)
    }
}

/// Serves the runs in these places, each a run or a folder of runs, at a port, or one that is free, until `stop` says so; `ready` is
/// given the address.
///
/// # Errors
/// If the port is taken, or the system has no random numbers.
pub fn serve(
    places: Vec<PathBuf>,
    port: Option<u16>,
    ready: impl FnOnce(&Address),
    stop: impl Fn() -> bool,
) -> io::Result<()> {
    let mut secret = [0; 16];
    getrandom::fill(&mut secret).map_err(io::Error::other)?;
    let token: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port.unwrap_or(0)));
        let listener = TcpListener::bind(address).await?;
        let port = listener.local_addr()?.port();
        ready(&Address { port, token: token.clone() });
        let server = axum::serve(listener, router(Runs::of(places), Guard::new(port, token)));
        tokio::select! {
            ended = server => ended,
            () = asked_to_stop(stop) => Ok(()),
        }
    })
}

/// Waits until `stop` says so.
async fn asked_to_stop(stop: impl Fn() -> bool) {
    while !stop() {
        sleep(LOOK_EVERY).await;
    }
}

fn router(runs: Runs, guard: Guard) -> Router {
    let file = |kind: &'static str, text: &'static str| get(move || async move { typed(kind, text) });
    Router::new()
        .route("/", file("text/html; charset=utf-8", include_str!("page/index.html")))
        .route("/script.js", file("text/javascript; charset=utf-8", include_str!("page/script.js")))
        .route("/charts.js", file("text/javascript; charset=utf-8", include_str!("page/charts.js")))
        .route("/report.css", file("text/css; charset=utf-8", munas_report::STYLE))
        .route("/style.css", file("text/css; charset=utf-8", include_str!("page/style.css")))
        .route("/api/runs", get(all_runs))
        .route("/api/runs/{run}", get(asked))
        .route("/api/runs/{run}/events", get(events))
        .route("/api/runs/{run}/progress", get(progress))
        .route("/api/runs/{run}/trials/{trial}", get(trial))
        .route("/api/runs/{run}/trials/{trial}/model.tflite", get(tflite))
        .route("/api/runs/{run}/trials/{trial}/c.zip", get(c_source))
        .with_state(Arc::new(runs))
        .layer(from_fn_with_state(guard, guarded))
}

type Shared = State<Arc<Runs>>;

fn typed(kind: &'static str, body: impl IntoResponse) -> Response {
    let mut response = body.into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

fn json(document: &impl Serialize) -> Response {
    match serde_json::to_vec(document) {
        Ok(bytes) => typed("application/json", bytes),
        Err(error) => failed(&UserError::failure(error)),
    }
}

/// What cannot be had: a text for people.
fn failed(error: &UserError) -> Response {
    (StatusCode::NOT_FOUND, format!("{error}\n")).into_response()
}

/// Work that reads files is done where it holds nothing up.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> UserResult<T> + Send + 'static) -> UserResult<T> {
    spawn_blocking(work).await.unwrap_or_else(|error| Err(UserError::failure(error)))
}

fn run_of(runs: &Runs, number: usize) -> UserResult<SharedRun> {
    runs.get(number).ok_or_else(|| UserError::input(format_args!("there is no run {number}")))
}

async fn all_runs(State(runs): Shared) -> Response {
    let listed = blocking(move || {
        let (runs, unreadable) = runs.all();
        let listed = runs.into_iter().map(|(number, run)| {
            let mut run = locked(&run);
            // One that cannot be read now is listed as it was known.
            drop(run.refresh());
            let dir = run.dir();
            RunJson {
                run: number,
                name: directory_name(dir),
                dir: dir.display().to_string(),
                active: run.reader().is_active(),
                results: run.results(),
            }
        });
        let unreadable = unreadable.iter().map(ToString::to_string).collect();
        Ok(RunsJson { runs: listed.collect(), unreadable })
    });
    listed.await.map_or_else(|error| failed(&error), |listed| json(&listed))
}

async fn asked(State(runs): Shared, Path(run): Path<usize>) -> Response {
    let asked = blocking(move || Ok(locked(&*run_of(&runs, run)?).asked()));
    asked.await.map_or_else(|error| failed(&error), |asked| json(&asked))
}

/// What is new, as long as the page listens: first all there is.
async fn events(State(runs): Shared, Path(run): Path<usize>, RawQuery(query): RawQuery) -> Response {
    let found = match run_of(&runs, run) {
        Ok(found) => found,
        Err(error) => return failed(&error),
    };
    let since = query
        .as_deref()
        .and_then(|query| query.split('&').find_map(|pair| pair.strip_prefix("since="))?.parse().ok());
    Sse::new(news(found, since)).keep_alive(KeepAlive::default()).into_response()
}

fn news(run: SharedRun, since: Option<u64>) -> impl Stream<Item = Result<Event, Infallible>> {
    unfold((run, since, false), |(run, mut since, mut waits)| async move {
        loop {
            if waits {
                sleep(EVERY).await;
            }
            waits = true;
            let of_run = Arc::clone(&run);
            let told = blocking(move || {
                let Some(news) = locked(&of_run).news(since)? else { return Ok(None) };
                let text = serde_json::to_string(&news).map_err(UserError::failure)?;
                Ok(Some((news.version, text)))
            });
            let event = match told.await {
                Ok(None) => continue,
                Ok(Some((version, text))) => {
                    since = Some(version);
                    Event::default().data(text)
                }
                // A journal that another program keeps locked can be read a little later.
                Err(error) => Event::default().event("trouble").data(error.what()),
            };
            return Some((Ok(event), (run, since, waits)));
        }
    })
}

/// What is made of a run by a reader of its own, so that pages that listen are not held up.
async fn of_reader<T: Send + 'static>(
    runs: Arc<Runs>,
    run: usize,
    make: impl FnOnce(&RunReader) -> UserResult<T> + Send + 'static,
) -> UserResult<T> {
    blocking(move || {
        let dir = locked(&*run_of(&runs, run)?).dir().to_owned();
        make(&RunReader::open(&dir)?)
    })
    .await
}

async fn progress(State(runs): Shared, Path(run): Path<usize>) -> Response {
    let section = of_reader(runs, run, details::progress).await;
    section.map_or_else(|error| failed(&error), |section| typed("text/html; charset=utf-8", section))
}

async fn trial(State(runs): Shared, Path((run, trial)): Path<(usize, u64)>) -> Response {
    let section = of_reader(runs, run, move |reader| details::section(reader, trial)).await;
    section.map_or_else(|error| failed(&error), |section| typed("text/html; charset=utf-8", section))
}

async fn tflite(State(runs): Shared, Path((run, trial)): Path<(usize, u64)>) -> Response {
    let model = of_reader(runs, run, move |reader| details::tflite(reader, trial)).await;
    download(model, "application/octet-stream", &format!("trial-{trial}.tflite"))
}

async fn c_source(State(runs): Shared, Path((run, trial)): Path<(usize, u64)>) -> Response {
    let archive = of_reader(runs, run, move |reader| details::c_source(reader, trial)).await;
    download(archive, "application/zip", &format!("trial-{trial}-c.zip"))
}

fn download(content: UserResult<Vec<u8>>, kind: &'static str, name: &str) -> Response {
    let content = match content {
        Ok(content) => content,
        Err(error) => return failed(&error),
    };
    let mut response = typed(kind, content);
    let disposition = HeaderValue::from_str(&format!("attachment; filename=\"{name}\""));
    response.headers_mut().extend(disposition.ok().map(|disposition| (CONTENT_DISPOSITION, disposition)));
    response
}
