//! The page in headless Chromium: laid out, in light and dark, on a phone, printed.
//!
//! Skipped with a loud line where there is no `chromium` (`AIRLOCK_CHROMIUM` names another program).

use crate::sample::Sample;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A page takes a second or two; a starved machine many times that.
const PATIENCE: Duration = Duration::from_secs(120);

/// Measures the report in a frame of its own and writes what it finds into the page. In a frame,
/// because a window cannot be as narrow as a phone.
const PROBE: &str = r#"
const frame = document.querySelector('iframe');
frame.onload = () => {
  const doc = frame.contentDocument, view = frame.contentWindow, root = doc.documentElement;
  const rgba = text => { const n = text.match(/[\d.]+/g).map(Number); return n.length < 4 ? [...n, 1] : n; };
  const background = e => {
    for (; e; e = e.parentElement) {
      const c = rgba(view.getComputedStyle(e).backgroundColor);
      if (c[3] === 1) return c;
    }
    return [255, 255, 255, 1];
  };
  const light = c => c.slice(0, 3).map(v => v / 255)
    .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const faint = [], small = [];
  const walk = doc.createTreeWalker(doc.body, NodeFilter.SHOW_TEXT);
  for (let n = walk.nextNode(); n; n = walk.nextNode()) {
    const e = n.parentElement;
    if (!n.textContent.trim() || !e.getClientRects().length) continue;
    const style = view.getComputedStyle(e);
    const [a, b] = [light(rgba(style.color)), light(background(e))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const what = `${e.tagName}.${e.className}: ${n.textContent.trim().slice(0, 40)}`;
    if (ratio < 4.5) faint.push(`${ratio.toFixed(2)} ${what}`);
    if (parseFloat(style.fontSize) < 11) small.push(`${style.fontSize} ${what}`);
  }
  const result = {
    dark: view.matchMedia('(prefers-color-scheme: dark)').matches,
    background: view.getComputedStyle(doc.body).backgroundColor,
    width: root.clientWidth, scrolls: root.scrollWidth, height: root.scrollHeight,
    boxes: [...doc.querySelectorAll('.box')].filter(b => b.scrollWidth > b.clientWidth).length,
    faint, small,
  };
  document.querySelector('output').textContent = JSON.stringify(result);
};
"#;

#[derive(Debug)]
struct Browser {
    program: PathBuf,
    folder: tempfile::TempDir,
}

impl Browser {
    /// The browser of this machine; `None`, loudly, when it has none.
    fn find() -> Option<Self> {
        let named = std::env::var_os("AIRLOCK_CHROMIUM").map(PathBuf::from);
        let path = std::env::var_os("PATH").unwrap_or_default();
        let program = named.or_else(|| {
            let mut places = std::env::split_paths(&path).map(|folder| folder.join("chromium"));
            places.find(|place| place.is_file())
        });
        if program.is_none() {
            eprintln!(
                "\n*** SKIPPED: no chromium on this machine, the report was NOT rendered ***\n"
            );
        }
        Some(Self { program: program?, folder: tempfile::tempdir().unwrap() })
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        format!("file://{}", path.display())
    }

    /// Runs the browser to its end and gives its stdout.
    fn run(&self, arguments: &[&str]) -> String {
        let profile = tempfile::tempdir_in(self.folder.path()).unwrap();
        let output = self.folder.path().join("stdout");
        let mut child = Command::new(&self.program)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"])
            .args(["--no-first-run", "--disable-background-networking"])
            .args(["--disable-component-update", "--disable-sync"])
            .args(["--disable-dev-shm-usage", "--hide-scrollbars"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(std::fs::File::create(&output).unwrap())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let start = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            if start.elapsed() > PATIENCE {
                child.kill().unwrap();
                panic!("the browser has not come to an end: {arguments:?}");
            }
            std::thread::sleep(Duration::from_millis(50));
        };
        assert!(status.success(), "{status}: {arguments:?}");
        std::fs::read_to_string(output).unwrap()
    }

    /// What the probe finds in `page` shown `width` pixels wide.
    fn measure(&self, page: &str, width: u32, dark: bool) -> serde_json::Value {
        let escaped = page.replace('&', "&amp;").replace('"', "&quot;");
        let around = format!(
            "<!DOCTYPE html><meta charset=utf-8><meta name=color-scheme content='light dark'>\
             <body style='margin:0'><iframe style='border:0;width:{width}px;height:800px' \
             srcdoc=\"{escaped}\"></iframe><output></output><script>{PROBE}</script>"
        );
        let url = self.write("probe.html", &around);
        let scheme = format!("--blink-settings=preferredColorScheme={}", u8::from(!dark));
        let dom = self.run(&["--window-size=1400,900", &scheme, "--dump-dom", &url]);
        let result = dom.rsplit_once("<output>").unwrap().1.split("</output>").next().unwrap();
        let result = result.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
        serde_json::from_str(&result).unwrap_or_else(|error| panic!("{error}: {result}"))
    }
}

fn has_content(path: &Path, least: u64) -> bool {
    std::fs::metadata(path).is_ok_and(|file| file.len() >= least)
}

#[test]
fn on_a_desktop_and_on_a_phone_in_light_and_dark() {
    let Some(browser) = Browser::find() else { return };
    for (name, page) in [("two", Sample::two().html()), ("hostile", Sample::hostile().html())] {
        for dark in [false, true] {
            for width in [1280, 390] {
                let found = browser.measure(&page, width, dark);
                let shown = format!("{name}, dark {dark}, {width} pixels: {found:#}");
                assert_eq!(found["dark"], dark, "{shown}");
                let background = if dark { "rgb(13, 17, 23)" } else { "rgb(255, 255, 255)" };
                assert_eq!(found["background"], background, "{shown}");
                assert_eq!(found["width"], width, "{shown}");
                assert!(found["scrolls"].as_u64() <= found["width"].as_u64(), "{shown}");
                assert_eq!(found["faint"], serde_json::json!([]), "{shown}");
                assert_eq!(found["small"], serde_json::json!([]), "{shown}");
                let scrolled = found["boxes"].as_u64().unwrap();
                assert!(width < 1000 || name == "hostile" || scrolled == 0, "{shown}");
            }
        }
    }
}

#[test]
fn it_prints_and_can_be_photographed() {
    let Some(browser) = Browser::find() else { return };
    let url = browser.write("report.html", &Sample::two().html());
    let pdf = browser.folder.path().join("report.pdf");
    browser.run(&[&format!("--print-to-pdf={}", pdf.display()), &url]);
    let bytes = std::fs::read(&pdf).unwrap();
    assert!(bytes.starts_with(b"%PDF-") && bytes.len() > 20_000, "{} bytes", bytes.len());
    let picture = browser.folder.path().join("report.png");
    browser.run(&["--window-size=1280,2000", &format!("--screenshot={}", picture.display()), &url]);
    assert!(has_content(&picture, 50_000), "the picture is as good as empty");
    // To look at: AIRLOCK_KEEP_REPORT names a folder.
    if let Some(folder) = std::env::var_os("AIRLOCK_KEEP_REPORT").map(PathBuf::from) {
        for (name, sample) in [
            ("shop", Sample::shop()),
            ("two", Sample::two()),
            ("hostile", Sample::hostile()),
            ("unknown", Sample::shop().without_sizes()),
        ] {
            std::fs::write(folder.join(format!("{name}.html")), sample.html()).unwrap();
            std::fs::write(folder.join(format!("{name}.md")), sample.markdown()).unwrap();
        }
    }
}
