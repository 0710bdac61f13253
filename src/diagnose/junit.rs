//! JUnit XML reports: what pytest, Jest, Gradle, Maven, `go-junit-report`, nextest and many others write.

use super::finding::{Finding, Level};
use super::place;
use crate::domain::diagnosis::Category;

/// A finding for every failed or broken test of the reports; a report that is no XML says nothing.
pub(super) fn findings(reports: &[String]) -> Vec<Finding> {
    reports.iter().flat_map(|text| roxmltree::Document::parse(text).map(|doc| of(&doc)).unwrap_or_default()).collect()
}

fn of(doc: &roxmltree::Document<'_>) -> Vec<Finding> {
    let broken = |node: &roxmltree::Node<'_, '_>| matches!(node.tag_name().name(), "failure" | "error");
    doc.descendants()
        .filter(|node| node.has_tag_name("testcase"))
        .filter_map(|case| {
            let fault = case.children().find(broken)?;
            let body = fault.text().unwrap_or_default();
            let said = fault.attribute("message").unwrap_or(body);
            let message = said.lines().find(|line| !line.trim().is_empty()).unwrap_or("failed");
            let mut finding = Finding::new(usize::MAX, "junit", Category::Test, Level::Finding, message);
            let class = case.attribute("classname").filter(|class| !class.is_empty());
            let name = case.attribute("name").unwrap_or_default();
            finding.test = Some(class.map_or_else(|| name.to_owned(), |class| format!("{class}::{name}")));
            let places: Vec<_> =
                body.lines().filter_map(place::find).map(|(file, line, column)| (file, (line, column))).collect();
            if let Some((file, (line, column))) = place::own(places) {
                finding.said.file = Some(file);
                finding.said.line = Some(line);
                finding.said.column = column;
            } else {
                finding.said.file = case.attribute("file").map(str::to_owned);
                finding.said.line = case.attribute("line").and_then(|line| line.parse().ok());
            }
            finding.said.code = fault.attribute("type").filter(|kind| !kind.is_empty()).map(str::to_owned);
            if message.contains("ModuleNotFoundError") || message.contains("ImportError") {
                finding.category = Category::Import;
            }
            Some(finding)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_cases_become_findings() {
        let report = r#"<testsuites><testsuite name="pytest"><testcase classname="tests.test_a" name="test_ok"/>
            <testcase classname="tests.test_a" name="test_sum"><failure message="assert 1 == 2" type="AssertionError">
            tests/test_a.py:4: AssertionError</failure></testcase></testsuite></testsuites>"#;
        let found = findings(&[report.to_owned(), "no xml".to_owned()]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].said.place(), "tests/test_a.py:4");
        assert_eq!(found[0].test.as_deref(), Some("tests.test_a::test_sum"));
    }
}
