//! The structure of `src/`: its folders, which of them may use which, the lists of folders and features, and the doc examples that are not run.
//!
//! The text is read without a compiler. A use is every path that begins with `crate::`, `super::` or `self::`, in a `use` line
//! or elsewhere, outside of comments. A name that a `mod.rs` re-exports stands for the file that defines it.
#![allow(clippy::pedantic, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The folders of `src/`, highest first, as in `ARCHITECTURE.md`. A file uses its own folder and lower ones.
const FOLDERS: [&str; 13] = [
    "testing",
    "providers",
    "tables",
    "quarantine",
    "drift",
    "archive",
    "sync",
    "checkpoint",
    "listing",
    "client",
    "posting",
    "error",
    "json",
];

/// A path from the crate's root: `["listing", "page", "Page"]`.
type Names = Vec<String>;

struct Source {
    /// `src/listing/page.rs`
    file: String,
    /// `["listing", "page"]`; of a `mod.rs`, its folder.
    module: Names,
    /// The file without its comments, line by line.
    code: String,
    /// The paths that the file uses, with their lines.
    uses: Vec<(usize, Names)>,
}

impl Source {
    fn new(file: String, text: &str) -> Self {
        let code = |line: &str| if line.trim_start().starts_with("//") { "" } else { line }.to_owned();
        let code: String = text.lines().map(|line| code(line.split(" // ").next().unwrap()) + "\n").collect();
        let stem = file.trim_start_matches("src/").trim_end_matches(".rs").trim_end_matches("/mod");
        let module: Names = stem.split('/').map(str::to_owned).collect();
        let mut source = Self { file, module, code, uses: Vec::new() };
        source.uses = source.find_uses();
        source
    }

    fn is_folder(&self) -> bool {
        self.file.ends_with("/mod.rs")
    }

    fn find_uses(&self) -> Vec<(usize, Names)> {
        // In `mod tests { … }`, `super` is this file.
        let begin = self.code.find("\nmod tests {").unwrap_or(self.code.len());
        let tests = begin..begin + self.code[begin..].find("\n}\n").unwrap_or(0);
        // In a `mod.rs`, `use name::…` starts at a module of its folder; in every other file, at another crate.
        let starts = ["crate::", "super::", "self::", "use "];
        let mut uses = Vec::new();
        for start in &starts[..if self.is_folder() { 4 } else { 3 }] {
            for (at, _) in self.code.match_indices(start) {
                let path = self.code[at..].trim_start_matches("use ");
                let inside_a_name = self.code[..at].ends_with(|c: char| c == ':' || c == '_' || c.is_alphanumeric());
                if inside_a_name || *start == "use " && starts.iter().any(|start| path.starts_with(start)) {
                    continue;
                }
                let mut base = self.module.clone();
                base.extend(tests.contains(&at).then(|| "tests".to_owned()));
                let mut paths = Vec::new();
                let rest = expand(path, base, &mut paths);
                // `crate::name!` is an exported macro, wherever its file is.
                paths.retain(|path| path.len() > 1 || !rest.starts_with('!'));
                let line = self.code[..at].matches('\n').count() + 1;
                uses.extend(paths.into_iter().map(|path| (line, path)));
            }
        }
        uses
    }

    fn defines(&self, name: &str) -> bool {
        let kinds = ["struct", "enum", "trait", "type", "fn", "const", "static", "macro_rules!"];
        let words: Vec<&str> = self.code.split([' ', '\n', '(', '<', ':', ';', '{']).collect();
        words.windows(2).any(|pair| kinds.contains(&pair[0]) && pair[1] == name)
    }
}

/// Adds every path of a use tree such as `super::page::{Page, Rejected}` and returns the text behind it.
fn expand<'t>(text: &'t str, mut base: Names, paths: &mut Vec<Names>) -> &'t str {
    let text = text.trim_start();
    if let Some(mut rest) = text.strip_prefix('{') {
        loop {
            rest = expand(rest, base.clone(), paths).trim_start();
            match rest.strip_prefix(',').map(str::trim_start) {
                Some(next) if !next.starts_with('}') => rest = next,
                next => return next.unwrap_or(rest).trim_start_matches('}'),
            }
        }
    }
    let length = text.find(|c: char| c != '_' && c != '*' && !c.is_alphanumeric()).unwrap_or(text.len());
    let (name, rest) = text.split_at(length);
    match name {
        "crate" => base.clear(),
        "super" => drop(base.pop()),
        "self" | "" => {}
        name => base.push(name.to_owned()),
    }
    match rest.strip_prefix("::") {
        Some(rest) => expand(rest, base, paths),
        None => {
            paths.push(base);
            let Some(renamed) = rest.strip_prefix(" as ") else { return rest };
            renamed.trim_start_matches(|c: char| c == '_' || c.is_alphanumeric())
        }
    }
}

struct Tree(BTreeMap<Names, Source>);

impl Tree {
    fn read() -> Self {
        let sources = files(Path::new("src")).into_iter().filter(|file| file.ends_with(".rs") && file != "src/lib.rs");
        let source = |file: String| Source::new(file.clone(), &fs::read_to_string(&file).unwrap());
        Self(sources.map(source).map(|source| (source.module.clone(), source)).collect())
    }

    /// The file that a path leads to, through the re-exports of `mod.rs` files.
    fn target(&self, path: &[String]) -> Option<&Source> {
        let (length, source) = (1..=path.len()).rev().find_map(|n| Some((n, self.0.get(&path[..n])?)))?;
        let Some(name) = path.get(length).filter(|name| source.is_folder() && *name != "*") else {
            return Some(source);
        };
        let reexported = source.uses.iter().find_map(|(_, used)| match used.split_last()? {
            (last, module) if last == "*" => {
                let target = self.target(&[module, std::slice::from_ref(name)].concat())?;
                target.defines(name).then_some(target)
            }
            (last, _) if last == name && used != path => self.target(used),
            _ => None,
        });
        reexported.or(Some(source))
    }

    /// For each file, the files that it imports. A `mod.rs` imports nothing: it re-exports.
    fn imports(&self) -> BTreeMap<&str, BTreeSet<&str>> {
        let imports = |source: &Source| -> BTreeSet<&str> {
            let targets = source.uses.iter().filter_map(|(_, path)| self.target(path));
            targets.map(|target| target.file.as_str()).filter(|file| *file != source.file).collect()
        };
        let files = self.0.values().filter(|source| !source.is_folder());
        files.map(|source| (source.file.as_str(), imports(source))).collect()
    }
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path.to_str().unwrap().replace('\\', "/")) }
    }
    found.sort();
    found
}

fn none(problems: Vec<String>) {
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}

#[test]
fn a_folder_uses_only_itself_and_lower_ones() {
    let rank = |name: &String| FOLDERS.iter().position(|folder| folder == name);
    let mut problems = Vec::new();
    for source in Tree::read().0.values() {
        for (line, path) in &source.uses {
            let (file, path_text) = (&source.file, path.join("::"));
            match path.first().and_then(rank) {
                None => problems.push(format!("{file}:{line} uses crate::{path_text}: name its folder")),
                Some(used) if Some(used) < rank(&source.module[0]) => {
                    problems.push(format!("{file}:{line} uses crate::{path_text}, which is above it"));
                }
                Some(_) => {}
            }
        }
    }
    none(problems);
}

#[test]
fn architecture_md_has_the_same_folders_in_the_same_order() {
    let text = fs::read_to_string("ARCHITECTURE.md").unwrap();
    let rows: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("/`")).map(|(name, _)| name).collect();
    assert_eq!(rows, FOLDERS);
}

#[test]
fn the_readme_and_the_front_page_have_the_features_of_cargo_toml_in_its_order() {
    let read = |file: &str| fs::read_to_string(file).unwrap();
    let cargo = read("Cargo.toml");
    let features = cargo.split_once("[features]\n").unwrap().1.split_once("\n[").unwrap().0;
    let features =
        features.lines().filter_map(|line| Some(line.split_once(" = ")?.0)).filter(|name| *name != "default");
    let features: Vec<&str> = features.collect();

    let readme = read("README.md");
    let listed = readme.lines().find_map(|line| line.strip_prefix("* Features: ")).unwrap();
    assert_eq!(listed.split('`').skip(1).step_by(2).collect::<Vec<_>>(), features);

    let front_page = read("src/lib.rs");
    let listed = front_page.split_once("//! # Features\n").unwrap().1.split_once("\n#!").unwrap().0;
    let listed = listed.lines().filter_map(|line| Some(line.strip_prefix("//! * `")?.split_once('`')?.0));
    assert_eq!(listed.collect::<Vec<_>>(), features);
}

#[test]
fn there_are_no_other_folders_and_none_is_deep() {
    let mut problems = Vec::new();
    for file in files(Path::new("src")) {
        let folders: Vec<&str> = file.split('/').skip(1).collect();
        let folders = &folders[..folders.len() - 1];
        let allowed = if matches!(folders.first(), Some(&"providers" | &"testing")) { 3 } else { 2 };
        if file != "src/lib.rs" && !folders.first().is_some_and(|first| FOLDERS.contains(first)) {
            problems.push(format!("{file} is in none of the folders"));
        } else if folders.len() > allowed {
            problems.push(format!("{file} is {} folders deep, {allowed} are allowed", folders.len()));
        }
    }
    none(problems);
}

#[test]
fn no_provider_uses_another() {
    let tree = Tree::read();
    let providers: BTreeSet<&String> =
        tree.0.keys().filter(|m| m[0] == "providers" && m.len() > 1).map(|m| &m[1]).collect();
    let mut problems = Vec::new();
    for source in tree.0.values().filter(|source| source.module.len() > 1 && providers.contains(&source.module[1])) {
        for (line, path) in &source.uses {
            let other = path.iter().take(2).find(|name| providers.contains(name) && **name != source.module[1]);
            problems.extend(other.map(|other| format!("{}:{line} uses {other}", source.file)));
        }
    }
    none(problems);
}

#[test]
fn what_looks_at_pages_and_what_takes_rows_do_not_use_each_other() {
    let parts = ["archive", "drift", "quarantine", "tables"];
    let tree = Tree::read();
    let mut problems = Vec::new();
    for source in tree.0.values().filter(|source| parts.iter().any(|part| source.module[0] == *part)) {
        for (line, path) in &source.uses {
            let other =
                path.first().filter(|first| parts.iter().any(|part| *first == part) && **first != source.module[0]);
            problems.extend(other.map(|other| format!("{}:{line} uses {other}", source.file)));
        }
    }
    none(problems);
}

/// Whether `from` imports `to`, directly or through other files.
fn leads<'t>(
    imports: &BTreeMap<&'t str, BTreeSet<&'t str>>,
    from: &'t str,
    to: &str,
    seen: &mut BTreeSet<&'t str>,
) -> bool {
    let targets = imports.get(from).into_iter().flatten();
    targets.into_iter().any(|&file| file == to || seen.insert(file) && leads(imports, file, to, seen))
}

#[test]
fn no_files_import_each_other() {
    let tree = Tree::read();
    let imports = tree.imports();
    let mut problems = Vec::new();
    for (&file, targets) in &imports {
        let back = targets.iter().filter(|target| leads(&imports, target, file, &mut BTreeSet::new()));
        problems.extend(back.map(|target| format!("{file} imports {target}, which leads back to it")));
    }
    none(problems);
}

#[test]
fn a_mod_file_only_declares_and_reexports() {
    let tree = Tree::read();
    let mut problems = Vec::new();
    for source in tree.0.values().filter(|source| source.is_folder()) {
        let holds =
            |line: &&str| line.split([' ', '<']).any(|word| ["fn", "struct", "enum", "trait", "impl"].contains(&word));
        problems.extend(source.code.lines().find(holds).map(|line| format!("{} holds {}", source.file, line.trim())));
    }
    // `use super::*` would hide what is imported.
    for source in tree.0.values().filter(|source| !source.is_folder()) {
        let globs = source.uses.iter().filter(|(_, path)| path.last().is_some_and(|name| name == "*"));
        let globs = globs.filter(|(_, path)| tree.target(path).is_some_and(Source::is_folder));
        problems.extend(globs.map(|(line, _)| format!("{}:{line} imports all of a mod.rs", source.file)));
    }
    none(problems);
}

/// An example that is not run says why in its first line: `// no_run: it needs the live API`. In a doc comment that line may
/// be hidden (`# // no_run: …`).
#[test]
fn doc_examples_are_run() {
    let mut problems = Vec::new();
    for file in files(Path::new("src")).into_iter().chain(["README.md".to_owned()]) {
        let text = fs::read_to_string(&file).unwrap();
        let doc = |line: &str| line.trim_start().trim_start_matches("///").trim_start_matches("//!").trim().to_owned();
        let lines: Vec<String> = text.lines().map(doc).collect();
        for (index, line) in lines.iter().enumerate() {
            let Some(fence) = line.strip_prefix("```") else { continue };
            let is = |word: &str| fence.split([',', ' ']).any(|part| part.starts_with(word));
            let reason = lines.get(index + 1).and_then(|line| line.split_once("// no_run: ")).map(|(_, reason)| reason);
            if is("ignore") || is("no_run") && reason.is_none_or(str::is_empty) {
                problems.push(format!("{file}:{} {line}", index + 1));
            }
        }
    }
    none(problems);
}
