// bulk_report.hpp - what became of each of many messages, and of all of them, for people and for programs.
#pragma once

#include "progress_bar.hpp"
#include "report.hpp"
#include "tally.hpp"

#include <nlohmann/json_fwd.hpp>

#include <chrono>
#include <string>

namespace postrider::cli {

class bulk_report {
  public:
    bulk_report(const output_choice& chosen, const server_url& where);

    /// A message and what became of it; `tried` is false where the journal knew.
    void message(const std::string& source, const prepared_mail& mail, const send_result& result, bool tried);
    /// A message that could not be made or read.
    void unusable(const std::string& source, const command_error& error);
    void show_progress(const tally& so_far);
    /// Why the run ended before its end.
    void stopped(const send_result& because);
    /// `of_several`: with the connection in front, because the lines of several stand between each other.
    void transcript(const transcript_line& line, bool of_several);
    /// The end. `error` decided it, or is null.
    void summary(const tally& all, const send_result* error, const connection_info* line, bool with_journal);

    static nlohmann::ordered_json counts(const tally& all);

  private:
    void summary_text(const tally& all, bool with_journal);

    output_choice chosen_;
    const server_url& where_;
    progress_bar bar_;
    std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
};

} // namespace postrider::cli
