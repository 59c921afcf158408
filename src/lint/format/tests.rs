//! Every form over one report.
