//! The HTML read by a real parser: well formed, closed to the network, every text only text.

use crate::sample::Sample;
use scraper::{ElementRef, Html, Selector};

/// The page, without a single parse error of the HTML standard.
fn parsed(page: &str) -> Html {
    let document = Html::parse_document(page);
    assert!(document.errors.is_empty(), "{:?}", document.errors);
    document
}

fn select<'a>(document: &'a Html, selector: &str) -> Vec<ElementRef<'a>> {
    let selector = Selector::parse(selector).unwrap();
    document.select(&selector).collect()
}

fn all_samples() -> Vec<String> {
    let samples =
        [Sample::shop(), Sample::shop().without_sizes(), Sample::two(), Sample::hostile()];
    samples.iter().map(Sample::html).collect()
}

#[test]
fn every_page_is_well_formed_and_loads_nothing() {
    for page in all_samples() {
        let document = parsed(&page);
        let foreign = "script, link, img, iframe, object, embed, video, audio, base, form, svg, \
                       [src], [srcset], [action], [background], [ping]";
        let found: Vec<String> = select(&document, foreign).iter().map(ElementRef::html).collect();
        assert!(found.is_empty(), "{found:?}");
        for element in select(&document, "*") {
            for (name, value) in element.value().attrs() {
                assert!(!name.starts_with("on"), "{name}={value}");
                assert!(name != "href" || value.starts_with('#'), "{name}={value}");
                let loads = name == "style" && value.contains("url");
                assert!(!loads, "{name}={value}");
            }
        }
        let style = select(&document, "style")[0].html();
        assert!(!style.contains("url(") && !style.contains("@import"), "{style}");
        let refresh = select(&document, "meta[http-equiv=refresh]");
        assert!(refresh.is_empty());
    }
}

#[test]
fn ids_are_unique_and_every_link_leads_somewhere() {
    for page in all_samples() {
        let document = parsed(&page);
        let mut ids: Vec<&str> =
            select(&document, "[id]").iter().filter_map(|element| element.attr("id")).collect();
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), count);
        let links = select(&document, "a[href]");
        for link in &links {
            let target = link.attr("href").unwrap().trim_start_matches('#');
            assert!(ids.binary_search(&target).is_ok(), "nothing is called {target}");
        }
        for element in select(&document, "[aria-labelledby]") {
            let target = element.attr("aria-labelledby").unwrap();
            assert!(ids.binary_search(&target).is_ok(), "nothing is called {target}");
        }
    }
}

#[test]
fn it_can_be_read_aloud() {
    let page = Sample::two().html();
    let document = parsed(&page);
    assert_eq!(select(&document, "html")[0].attr("lang"), Some("en"));
    assert_eq!(select(&document, "h1").len(), 1);
    // No level of headings is left out on the way down.
    let levels: Vec<u32> = select(&document, "h1, h2, h3, h4, h5, h6")
        .iter()
        .map(|heading| heading.value().name()[1..].parse().unwrap())
        .collect();
    for pair in levels.windows(2) {
        assert!(pair[1] <= pair[0] + 1, "{levels:?}");
    }
    let tables = select(&document, "table");
    assert!(tables.len() >= 4);
    for header in select(&document, "th") {
        assert!(header.attr("scope").is_some(), "{}", header.html());
    }
    for picture in select(&document, "[role=img], [role=region]") {
        let label = picture.attr("aria-label").unwrap_or_default();
        assert!(!label.trim().is_empty(), "{}", picture.html());
    }
    let bars = select(&document, ".track");
    let spoken = bars[0].attr("aria-label").unwrap();
    assert!(spoken.contains("statement 3: reads and writes blocked, ~"), "{spoken}");
}

#[test]
fn hostile_text_stays_text() {
    let page = Sample::hostile().html();
    let document = parsed(&page);
    let title: String = select(&document, "title")[0].text().collect();
    assert!(title.contains("</title><script>alert(3)</script>"), "{title}");
    assert!(select(&document, "b, u, script, img").is_empty());
    let heading: String = select(&document, "h4 code")[0].text().collect();
    assert_eq!(heading, "public.\"</script><img src=x onerror=alert(1)>\"");
    let written: String = select(&document, ".statements pre")[0].text().collect();
    assert!(written.contains("<script src=\"http://evil/x.js\"></script>"), "{written}");
    assert!(!page.contains(['\u{202e}', '\u{7}']));
}
