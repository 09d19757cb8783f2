use super::support::*;
#[test]
fn print() {
    for p in [jobdataapi(0), jobdataapi(1), jobdataapi(2), jobdataapi(3), ats(0), ats(1), employjoy(0), employjoy(1), jobaffinity("jobaffinity/job.json"), jobaffinity("jobaffinity/job_older.json")] {
        println!("{:#}\n{:#}\n{:?}\n---", set_fields(&p), p.to_json_ld(), p.json_ld_missing());
    }
    let s: serde_json::Value = serde_json::from_str(&std::fs::read_to_string("/work/shared/samples/fantastic_jobs/v1_active_jb_partial.json").unwrap()).unwrap();
    println!("{:#}", set_fields(&jb(&s[0])));
    let s: serde_json::Value = serde_json::from_str(&std::fs::read_to_string("/work/shared/samples/fantastic_jobs/legacy_active_jb_24h.json").unwrap()).unwrap();
    println!("{:#}", set_fields(&jb(&s[0])));
}
