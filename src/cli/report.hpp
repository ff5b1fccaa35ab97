// report.hpp - what became of a message, for people and for programs. docs/command.md describes the JSON.
#pragma once

#include "compose_mail.hpp"
#include "connection.hpp"
#include "error.hpp"
#include "postrider/client.hpp"

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace postrider::cli {

enum class verdict : std::uint8_t { ok, warn, fail, skipped };
/// "ok", "warn", "FAIL", "-"; for JSON see report_json.cpp.
std::string_view mark_of(verdict v);

/// One step of `check`, in the words of its reader. Everything in it may be foreign.
struct check_step {
    std::string name;
    verdict outcome = verdict::skipped;
    std::string text;
    std::vector<std::string> details;
};

/// A keyword of the EHLO reply and what it is good for.
struct explained_keyword {
    std::string line;
    std::string meaning;
    bool known = false;
};

struct check_report {
    std::vector<check_step> steps;
    std::vector<explained_keyword> keywords;
    status result; ///< of what failed, else ok
    std::vector<recipient_outcome> recipients;
    int exit = 0;
};

/// What there is to explain about a message: where a recipient was given up because of others, the reason is
/// what befell one of those.
status decisive(const send_result& result);

/// The four parts of an error: what broke, where, what the server said, what to do next.
std::string problem_text(const status& result, const server_url& where, bool in_doubt,
                         const std::string& message_id);
/// The same for what broke before there was a server.
std::string problem_text(const command_error& error);
/// One line: who, what became of it, and the server's reply.
std::string recipient_text(const recipient_outcome& one);
/// A few words about the line, for -v.
std::string connection_text(const connection_info& line);
std::string check_text(const check_report& report);

std::string send_json(const send_result& result, const prepared_mail& mail, const server_url& where,
                      std::chrono::microseconds took);
std::string check_json(const check_report& report, const server_url& where);
/// `source` names one of several messages.
std::string dry_run_json(const prepared_mail& mail, const server_url& where, const content_traits& traits,
                         const std::string& source = {});
/// Where it would go, and for whom.
std::string dry_run_text(const prepared_mail& mail, const server_url& where, const content_traits& traits);
std::string error_json(std::string_view command, const command_error& error);

} // namespace postrider::cli
