#include "bulk_report.hpp"

#include "advice.hpp"
#include "exit_code.hpp"
#include "report_json.hpp"
#include "run_guarded.hpp"
#include "show.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

namespace postrider::cli {

bulk_report::bulk_report(const output_choice& chosen, const server_url& where)
    : chosen_(chosen), where_(where), bar_(chosen.quiet ? "never" : chosen.progress) {}

void bulk_report::message(const std::string& source, const prepared_mail& mail, const send_result& result,
                          bool tried) {
    if (chosen_.json) {
        json out{{"command", "send"},
                 {"source", source},
                 {"outcome", verdict_of(result)},
                 {"exit_code", exit_code_of(result)},
                 {"tried", tried},
                 {"message_id", text_or_null(mail.message_id)},
                 {"envelope_from", mail.mail.from},
                 {"recipients", recipients_json(result.recipients)},
                 {"error", problem_json(decisive(result), result.any(disposition::in_doubt))}};
        print(dump(out));
        return;
    }
    std::string delivered;
    std::string failures;
    for (const auto& one : result.recipients) {
        const bool good = one.outcome == disposition::delivered;
        (good ? delivered : failures)
            .append(fmt::format("{}: {}{}", printable(source),
                                tried ? "" : "before this run: ", recipient_text(one)));
    }
    if (!failures.empty() && !result.detail.empty()) {
        failures += fmt::format("{}: {}\n", printable(source), printable(result.detail));
    }
    bar_.finish();
    if (!chosen_.quiet && !delivered.empty()) {
        print(delivered);
    }
    std::fputs(failures.c_str(), stderr);
}

void bulk_report::unusable(const std::string& source, const command_error& error) {
    if (chosen_.json) {
        print(dump({{"command", "send"},
                    {"source", source},
                    {"outcome", "permanent"},
                    {"exit_code", error.exit()},
                    {"tried", false},
                    {"message_id", nullptr},
                    {"envelope_from", nullptr},
                    {"recipients", json::array()},
                    {"error",
                     {{"name", nullptr}, {"message", error.what()}, {"next", text_or_null(error.next())}}}}));
        return;
    }
    bar_.finish();
    std::fputs(fmt::format("{}: not sent: {}\n", printable(source), printable(error.what())).c_str(), stderr);
}

void bulk_report::show_progress(const tally& so_far) {
    bar_.show(so_far.settled(), so_far.messages, so_far.failed(), so_far.skipped);
}

void bulk_report::stopped(const send_result& because) {
    bar_.finish();
    if (!chosen_.json) {
        std::fputs(problem_text(decisive(because), where_, false, {}).c_str(), stderr);
    }
}

void bulk_report::transcript(const transcript_line& line, bool of_several) {
    bar_.finish();
    print_transcript_line(line, of_several);
}

json bulk_report::counts(const tally& all) {
    return {{"messages", all.messages},     {"delivered", all.delivered}, {"partial", all.partial},
            {"permanent", all.permanent},   {"transient", all.transient}, {"in_doubt", all.in_doubt},
            {"not_tried", all.not_tried()}, {"skipped", all.skipped}};
}

void bulk_report::summary(const tally& all, const send_result* error, const connection_info* line,
                          bool with_journal) {
    bar_.finish();
    if (!chosen_.json) {
        if (!chosen_.quiet || all.delivered != all.messages) {
            summary_text(all, with_journal);
        }
        return;
    }
    const auto took =
        std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - begun_);
    const double seconds = std::max(1e-6, std::chrono::duration<double>(took).count());
    const auto sent = static_cast<double>(all.settled() - all.skipped);
    print(dump({{"command", "send"},
                {"summary", counts(all)},
                {"outcome", all.verdict()},
                {"exit_code", all.exit()},
                {"error", error != nullptr ? problem_json(decisive(*error), false) : json(nullptr)},
                {"server", server_json(where_, line)},
                {"tls", line != nullptr ? tls_json(*line) : json(nullptr)},
                {"timing", {{"total_ms", seconds * 1000}, {"per_second", sent / seconds}}}}));
}

void bulk_report::summary_text(const tally& all, bool with_journal) {
    const double seconds =
        std::max(1e-6, std::chrono::duration<double>(std::chrono::steady_clock::now() - begun_).count());
    std::string out = fmt::format("postrider: {} message{}: {} delivered", all.messages,
                                  all.messages == 1 ? "" : "s", all.delivered);
    const auto add = [&out](std::uint64_t count, const char* what) {
        out += count == 0 ? std::string() : fmt::format(", {} {}", count, what);
    };
    add(all.partial, "delivered in part");
    add(all.permanent, "refused");
    add(all.transient, "to be tried later");
    add(all.in_doubt, "IN DOUBT");
    add(all.not_tried(), "not tried");
    add(all.skipped, "of them settled before this run");
    out += fmt::format("; {:.1f} s, {:.0f}/s\n", seconds,
                       static_cast<double>(all.settled() - all.skipped) / seconds);
    std::string_view next;
    if (all.in_doubt > 0) {
        next = with_journal ? "those in doubt may have been delivered: look whether they arrived; with "
                              "--in-doubt repeat the same command sends them again"
                            : advice_in_doubt();
    } else if (all.transient + all.partial + all.not_tried() > 0) {
        next = with_journal ? "the same command does what is left, and repeats nothing that was delivered"
                            : "with --journal FILE a run can be continued";
    }
    if (!next.empty()) {
        out += fmt::format("  next:    {}\n", next);
    }
    std::fflush(stdout);
    std::fputs(out.c_str(), stderr);
}

} // namespace postrider::cli
