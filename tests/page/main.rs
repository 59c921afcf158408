//! The lock-impact report as its readers meet it: Markdown, HTML, and the page in a real browser.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod browser;
mod document;
mod sample;

use sample::Sample;

#[test]
fn as_markdown() {
    insta::assert_snapshot!(Sample::shop().markdown());
}

#[test]
fn without_sizes_no_time_is_claimed() {
    let text = Sample::shop().without_sizes().markdown();
    assert!(text.contains("Sizes are unknown here"), "{text}");
    for claim in ["min |", "ms |", " h |", " GB", "| ~", "**~"] {
        assert!(!text.contains(claim), "{claim}:\n{text}");
    }
    let page = Sample::shop().without_sizes().html();
    assert!(page.contains("Not to scale: sizes are unknown."));
}

#[test]
fn hostile_text_stays_text_in_markdown() {
    use pulldown_cmark::{Event, Options, Parser, Tag};
    let ours = ["<!-- -->", "<details>", "</details>"];
    for page in [Sample::hostile().markdown(), Sample::shop().markdown()] {
        for event in Parser::new_ext(&page, Options::ENABLE_TABLES) {
            match event {
                Event::Html(html) | Event::InlineHtml(html) => {
                    let html = html.trim();
                    let folded = html.starts_with("<details><summary>SQL of ");
                    assert!(folded || ours.contains(&html), "{html}\n\n{page}");
                }
                Event::Start(Tag::Link { .. } | Tag::Image { .. }) => panic!("a link:\n{page}"),
                _ => {}
            }
        }
    }
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    assert_eq!(Sample::shop().html(), Sample::shop().html());
    assert_eq!(Sample::shop().markdown(), Sample::shop().markdown());
}

#[test]
fn a_faster_server_takes_less_time() {
    let speed = airlock::report::estimate::Speed { scan: 8 << 30, write: 2 << 30 };
    let text = Sample::shop().with_speed(speed).markdown();
    assert!(text.contains("8.0 GB a second read and 2.0 GB a second written"), "{text}");
    assert_ne!(text, Sample::shop().markdown());
}
