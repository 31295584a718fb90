//! Who is answered. Other pages in the same browser can send requests to this machine too, so that each must come with the
//! token of the address that was printed, be addressed to this server by its own name, and not come from another page.

use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, COOKIE, HOST, ORIGIN, REFERRER_POLICY, SET_COOKIE,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// Scripts and styles are the page's own files; nothing is loaded from elsewhere, and no page shows it in a frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What a request has to have.
#[derive(Clone, Debug)]
pub struct Guard {
    port: u16,
    token: String,
}

impl Guard {
    /// The guard of a server on this port.
    pub fn new(port: u16, token: String) -> Self {
        Self { port, token }
    }

    /// The cookie that has the token, once the page was opened with it. Cookies of one machine are shared by its ports.
    fn cookie(&self) -> String {
        format!("munas-{}", self.port)
    }

    /// Why a request is refused, if it is.
    fn refusal(
        &self,
        method: &Method,
        headers: &HeaderMap,
        query: Option<&str>,
    ) -> Option<(StatusCode, &'static str)> {
        let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        let names = [format!("127.0.0.1:{}", self.port), format!("localhost:{}", self.port)];
        if !text(&HOST).is_some_and(|host| names.iter().any(|name| name == host)) {
            return Some((StatusCode::FORBIDDEN, "not addressed to this server"));
        }
        let is_own = |origin: &str| names.iter().any(|name| origin.strip_prefix("http://") == Some(name));
        let site = headers.get("sec-fetch-site").and_then(|value| value.to_str().ok());
        if text(&ORIGIN).is_some_and(|origin| !is_own(origin))
            || site.is_some_and(|site| !["same-origin", "none"].contains(&site))
        {
            return Some((StatusCode::FORBIDDEN, "not from this page"));
        }
        if !matches!(*method, Method::GET | Method::HEAD) {
            return Some((StatusCode::METHOD_NOT_ALLOWED, "nothing here can be changed"));
        }
        if !self.knows_token(text(&COOKIE), query) {
            return Some((StatusCode::FORBIDDEN, "open the address that `munas dashboard` printed"));
        }
        None
    }

    fn knows_token(&self, cookies: Option<&str>, query: Option<&str>) -> bool {
        let (name, cookies) = (self.cookie(), cookies.unwrap_or_default());
        let of_cookie = cookies
            .split(';')
            .filter_map(|cookie| cookie.trim().split_once('='))
            .filter(|(key, _)| *key == name);
        let of_query = self.of_query(query);
        of_cookie.map(|(_, value)| value).chain(of_query).any(|given| is_same(given, &self.token))
    }

    fn of_query<'a>(&self, query: Option<&'a str>) -> Option<&'a str> {
        query?.split('&').find_map(|pair| pair.strip_prefix("token="))
    }
}

/// Compares without telling by the time that it takes where the difference is.
fn is_same(one: &str, other: &str) -> bool {
    let difference = one.bytes().zip(other.bytes()).fold(0, |all, (one, other)| all | (one ^ other));
    one.len() == other.len() && difference == 0
}

/// Answers who may ask, and says to the browser what the page may do.
pub async fn guarded(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    let query = request.uri().query();
    let comes_with_token = guard.of_query(query).is_some();
    let mut response = match guard.refusal(request.method(), request.headers(), query) {
        Some((status, reason)) => (status, format!("{reason}\n")).into_response(),
        None => next.run(request).await,
    };
    let is_refused = response.status() == StatusCode::FORBIDDEN;
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
    if comes_with_token && !is_refused {
        let cookie = format!("{}={}; HttpOnly; SameSite=Strict; Path=/", guard.cookie(), guard.token);
        headers.extend(HeaderValue::from_str(&cookie).ok().map(|cookie| (SET_COOKIE, cookie)));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(method: &Method, headers: &[(&'static str, &str)], query: Option<&str>) -> Option<StatusCode> {
        let guard = Guard::new(4000, "secret".to_owned());
        let mut given = HeaderMap::new();
        for (name, value) in headers {
            given.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        guard.refusal(method, &given, query).map(|(status, _)| status)
    }

    const FORBIDDEN: Option<StatusCode> = Some(StatusCode::FORBIDDEN);

    #[test]
    fn only_the_page_itself_is_answered() {
        let host = ("host", "127.0.0.1:4000");
        let cookie = ("cookie", "other=1; munas-4000=secret");
        let get = |headers: &[(&'static str, &str)]| refusal(&Method::GET, headers, None);
        assert_eq!(get(&[host, cookie]), None);
        assert_eq!(get(&[("host", "localhost:4000"), cookie]), None);
        assert_eq!(get(&[host, cookie, ("origin", "http://127.0.0.1:4000")]), None);
        assert_eq!(get(&[host, cookie, ("sec-fetch-site", "same-origin")]), None);
        for other in ["127.0.0.1:4001", "127.0.0.1", "evil.example:4000", "munas.evil.example"] {
            assert_eq!(get(&[("host", other), cookie]), FORBIDDEN, "{other}");
        }
        for other in ["http://evil.example", "null", "https://127.0.0.1:4000", "http://127.0.0.1:4001"] {
            assert_eq!(get(&[host, cookie, ("origin", other)]), FORBIDDEN, "{other}");
        }
        for site in ["cross-site", "same-site"] {
            assert_eq!(get(&[host, cookie, ("sec-fetch-site", site)]), FORBIDDEN, "{site}");
        }
        assert_eq!(get(&[cookie]), FORBIDDEN, "without a host");
    }

    #[test]
    fn without_the_token_nothing_is_answered() {
        let host = ("host", "127.0.0.1:4000");
        let with = |headers: &[(&'static str, &str)], query| refusal(&Method::GET, headers, query);
        assert_eq!(with(&[host], Some("token=secret")), None);
        assert_eq!(with(&[host], Some("since=3&token=secret")), None);
        for query in
            [None, Some(""), Some("token="), Some("token=secre"), Some("token=secretx"), Some("x=secret")]
        {
            assert_eq!(with(&[host], query), FORBIDDEN, "{query:?}");
        }
        for cookie in ["munas-4001=secret", "munas-4000=", "munas-4000=Secret", "secret"] {
            assert_eq!(with(&[host, ("cookie", cookie)], None), FORBIDDEN, "{cookie}");
        }
    }

    #[test]
    fn nothing_can_be_changed() {
        let headers = [("host", "127.0.0.1:4000"), ("cookie", "munas-4000=secret")];
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS] {
            assert_eq!(refusal(&method, &headers, None), Some(StatusCode::METHOD_NOT_ALLOWED));
        }
        assert_eq!(refusal(&Method::HEAD, &headers, None), None);
    }
}
