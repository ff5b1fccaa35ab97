// report_json.cpp - one line of ASCII JSON per run. Octets that are no UTF-8 become U+FFFD.
#include "report_json.hpp"

#include "advice.hpp"
#include "exit_code.hpp"
#include "show.hpp"

#include <fmt/format.h>

namespace postrider::cli {
namespace {

json code_or_null(std::uint16_t code) {
    return code == 0 ? json(nullptr) : json(code);
}

json enhanced_or_null(const enhanced_status& code) {
    return code ? json(fmt::format("{}.{}.{}", code.class_digit, code.subject, code.detail)) : json(nullptr);
}

double milliseconds(std::chrono::microseconds span) {
    return static_cast<double>(span.count()) / 1000;
}

json certificate_json(const certificate_info& one) {
    return {{"subject", one.subject},
            {"issuer", one.issuer},
            {"names", one.names},
            {"not_before", timestamp(one.not_before)},
            {"not_after", timestamp(one.not_after)},
            {"sha256", one.sha256}};
}

json timing_json(const connection_info* line, std::chrono::microseconds took) {
    json out{{"total_ms", milliseconds(took)}, {"steps", json::array()}};
    if (line != nullptr) {
        for (const auto& step : line->steps) {
            out["steps"].push_back({{"what", step.what}, {"ms", milliseconds(step.duration)}});
        }
    }
    return out;
}

json envelope_json(const outgoing& mail) {
    json recipients = json::array();
    for (const auto& one : mail.recipients) {
        recipients.push_back(one.address);
    }
    return {{"from", mail.from}, {"recipients", std::move(recipients)}};
}

std::string_view word_for(verdict v) {
    return v == verdict::ok ? "ok" : v == verdict::warn ? "warn" : v == verdict::fail ? "fail" : "skipped";
}

} // namespace

std::string dump(const json& value) {
    return value.dump(-1, ' ', true, json::error_handler_t::replace) + "\n";
}

json text_or_null(const std::string& text) {
    return text.empty() ? json(nullptr) : json(text);
}

json recipients_json(const std::vector<recipient_outcome>& recipients) {
    json out = json::array();
    for (const auto& one : recipients) {
        out.push_back({{"address", one.address},
                       {"outcome", name(one.outcome)},
                       {"stage", name(one.at)},
                       {"error", one.error == errc::ok ? json(nullptr) : json(name(one.error))},
                       {"code", code_or_null(one.code)},
                       {"enhanced", enhanced_or_null(one.enhanced)},
                       {"text", text_or_null(one.text)}});
    }
    return out;
}

json tls_json(const connection_info& line) {
    if (line.tls_version.empty() && line.tls_problem.empty() && !line.certificate) {
        return nullptr;
    }
    return {{"version", text_or_null(line.tls_version)},
            {"cipher", text_or_null(line.tls_cipher)},
            {"verified", line.tls_verified},
            {"resumed", line.tls_resumed},
            {"problem", text_or_null(line.tls_problem)},
            {"certificate", line.certificate ? certificate_json(*line.certificate) : json(nullptr)}};
}

json server_json(const server_url& where, const connection_info* line) {
    json out{{"url", where.text()},
             {"protocol", where.protocol == protocol::lmtp ? "lmtp" : "smtp"},
             {"host", text_or_null(where.host)},
             {"port", where.port == 0 ? json(nullptr) : json(where.port)},
             {"peer", nullptr},
             {"greeting", nullptr},
             {"authenticated", false},
             {"mechanism", nullptr},
             {"attempts", json::array()}};
    if (line != nullptr) {
        out["peer"] = text_or_null(line->peer);
        out["greeting"] = text_or_null(line->greeting);
        out["authenticated"] = line->authenticated;
        out["mechanism"] = text_or_null(line->mechanism);
        for (const auto& one : line->attempts) {
            out["attempts"].push_back(
                {{"address", one.address},
                 {"error", one.error == errc::ok ? json(nullptr) : json(name(one.error))},
                 {"detail", text_or_null(one.detail)},
                 {"ms", milliseconds(one.duration)}});
        }
    }
    return out;
}

json problem_json(const status& result, bool in_doubt) {
    if (result.ok()) {
        return nullptr;
    }
    return {{"name", name(result.error)},
            {"message", message(result.error)},
            {"detail", text_or_null(result.detail)},
            {"stage", name(result.at)},
            {"code", code_or_null(result.code)},
            {"enhanced", enhanced_or_null(result.enhanced)},
            {"text", text_or_null(result.text)},
            {"next", in_doubt ? advice_in_doubt() : advice_for(result.error, result.code)}};
}

std::string send_json(const send_result& result, const prepared_mail& mail, const server_url& where,
                      std::chrono::microseconds took) {
    const auto* line = result.connection.get();
    return dump({{"command", "send"},
                 {"outcome", verdict_of(result)},
                 {"exit_code", exit_code_of(result)},
                 {"message_id", text_or_null(mail.message_id)},
                 {"envelope_from", mail.mail.from},
                 {"recipients", recipients_json(result.recipients)},
                 {"error", problem_json(decisive(result), result.any(disposition::in_doubt))},
                 {"server", server_json(where, line)},
                 {"tls", line != nullptr ? tls_json(*line) : json(nullptr)},
                 {"timing", timing_json(line, took)}});
}

std::string check_json(const check_report& report, const server_url& where) {
    const auto* line = report.result.connection.get();
    json steps = json::array();
    for (const auto& step : report.steps) {
        steps.push_back({{"step", step.name},
                         {"verdict", word_for(step.outcome)},
                         {"text", step.text},
                         {"details", step.details}});
    }
    json keywords = json::array();
    for (const auto& one : report.keywords) {
        keywords.push_back({{"line", one.line}, {"known", one.known}, {"meaning", one.meaning}});
    }
    return dump({{"command", "check"},
                 {"exit_code", report.exit},
                 {"steps", std::move(steps)},
                 {"capabilities", std::move(keywords)},
                 {"recipients", recipients_json(report.recipients)},
                 {"error", problem_json(report.result, false)},
                 {"server", server_json(where, line)},
                 {"tls", line != nullptr ? tls_json(*line) : json(nullptr)}});
}

std::string dry_run_json(const prepared_mail& mail, const server_url& where, const content_traits& traits,
                         const std::string& source) {
    json out{{"command", "send"},
             {"outcome", "dry_run"},
             {"exit_code", 0},
             {"message_id", text_or_null(mail.message_id)},
             {"envelope", envelope_json(mail.mail)},
             {"size", traits.canonical_size},
             {"eight_bit", traits.has_8bit},
             {"smtputf8_header", traits.header_has_8bit},
             {"server", server_json(where, nullptr)}};
    if (!source.empty()) {
        out["source"] = source;
    }
    return dump(out);
}

std::string error_json(std::string_view command, const command_error& error) {
    return dump(
        {{"command", command},
         {"outcome", "not_tried"},
         {"exit_code", error.exit()},
         {"error", {{"name", nullptr}, {"message", error.what()}, {"next", text_or_null(error.next())}}}});
}

} // namespace postrider::cli
