//! The text of HTML.

use jobfeed::posting::html_to_text;
use proptest::prelude::*;

#[test]
fn blocks_lists_and_entities_become_text() {
    let html = "<h2>Bakery</h2><p style=\"a>b\">Nights &amp; days,\n 5&nbsp;&euro;&#x2f;h</p><!-- hidden --><ul><li>Rye</li><li>Wheat</li></ul>\
        <script>var x = '<p>no</p>';</script><STYLE>p{}</STYLE><table><tr><td>a</td><td>b</td></tr></table>Line<br/>two";
    assert_eq!(html_to_text(html), "Bakery\nNights & days, 5 €/h\n- Rye\n- Wheat\na b\nLine\ntwo");
}

#[test]
fn what_is_no_markup_stays() {
    assert_eq!(
        html_to_text("under <10 people, a < b, R&D, AT&T; &unknown; &#xD800;"),
        "under <10 people, a < b, R&D, AT&T; &unknown; &#xD800;"
    );
    assert_eq!(html_to_text("<<b>b>"), "< b>", "the parts of a tag do not become one");
    assert_eq!(html_to_text("<p title=\"never closed>kept"), "kept", "a quote without an end does not hide the text");
    assert_eq!(html_to_text("<p>one<script>two"), "one");
    assert_eq!(html_to_text("one <!-- two"), "one");
}

/// Whether a browser would see a tag in it.
fn has_tag(text: &str) -> bool {
    text.match_indices('<')
        .any(|(at, _)| text[at + 1..].starts_with(|c: char| c.is_ascii_alphabetic() || "/!?".contains(c)))
}

proptest! {
    #[test]
    fn broken_html_leaves_no_tag(parts in proptest::collection::vec(prop_oneof![
        Just("<"), Just(">"), Just("</"), Just("<!--"), Just("-->"), Just("<script"), Just("</script"), Just("<p a=\""), Just("'"), Just("="),
        Just("b"), Just(" "), Just("li"), Just("\u{a0}"), Just("é"), Just("<li>"), Just("</li>"), Just("<b>"), Just("?"), Just("\0"), Just("&"),
    ], 0..40)) {
        let text = html_to_text(&parts.concat());
        prop_assert!(!has_tag(&text), "{text:?}");
        prop_assert_eq!(text.trim(), &text);
    }

    #[test]
    fn no_text_makes_it_panic(html in ".*") {
        html_to_text(&html);
        html_to_text(&format!("<p>&{html}"));
    }
}

#[test]
fn broken_quotes_do_not_cost_the_square_of_the_length() {
    for unit in ["<a =\">\"=", "<script></script =\">\"=", "<a ='>'=\">\"="] {
        for end in ["", "<a =\"", "<a ='"] {
            // Linear, it takes less than a second; as the square of the length, minutes.
            let text = html_to_text(&(unit.repeat(30_000) + end));
            assert!(!has_tag(&text));
        }
    }
}
