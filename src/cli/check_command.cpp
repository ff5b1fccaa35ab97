// A check is the ordinary way to a transaction, taken by the ordinary client, and then told step by step from
// what the client saw. So it cannot say "ok" of something that `send` would do differently.
#include "check_command.hpp"

#include "compose_mail.hpp"
#include "connection.hpp"
#include "exit_code.hpp"
#include "interruption.hpp"
#include "keywords.hpp"
#include "report.hpp"
#include "run_guarded.hpp"
#include "show.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <arpa/inet.h>
#include <memory>

namespace postrider::cli {
namespace {

constexpr std::chrono::hours soon{24 * 14}; // a certificate that ends within two weeks deserves a word

// Turns what the client saw into steps.
class teller {
  public:
    teller(const prepared_connection& prepared, const std::vector<std::string>& addresses, check_report& into)
        : where_(prepared.where),
          user_(prepared.options.credentials ? prepared.options.credentials->user : ""),
          addresses_(addresses), out_(into) {}

    /// How far setting up the session came.
    void tell_session(const status& result) {
        result_ = &result;
        line_ = result.connection.get();
        tell_host();
        tell_connection();
        const bool implicit = where_.tls == tls_policy::implicit;
        if (implicit) {
            tell_tls();
        }
        tell_greeting();
        if (!implicit) {
            tell_first_ehlo();
            tell_tls();
        }
        tell_ehlo();
        tell_authentication();
    }

    void tell_envelope(const outgoing& asked, const send_result& answer) {
        const bool refused =
            std::all_of(answer.recipients.begin(), answer.recipients.end(), [](const auto& one) {
                return one.outcome != disposition::accepted && one.at != stage::rcpt;
            });
        const std::string from = "<" + asked.from + ">";
        add("mail", refused ? verdict::fail : verdict::ok, refused ? from + ": " + why(answer) : from);
        for (const auto& one : answer.recipients) {
            const bool accepted = one.outcome == disposition::accepted;
            const std::string reply =
                one.code != 0 ? fmt::format("{} {}", one.code, one.text) : std::string(message(one.error));
            add("rcpt",
                accepted  ? verdict::ok
                : refused ? verdict::skipped
                          : verdict::fail,
                fmt::format("<{}>: {}", one.address, refused ? "not asked" : reply));
        }
    }

    void skip_envelope(std::string_view reason) {
        add("mail", verdict::skipped, std::string(reason));
        add("rcpt", verdict::skipped, std::string(reason));
    }

  private:
    void add(std::string step, verdict outcome, std::string text, std::vector<std::string> details = {}) {
        out_.steps.push_back({std::move(step), outcome, std::move(text), std::move(details)});
    }

    bool failed_at(stage at) const { return !result_->ok() && result_->at == at && !failed_in_tls(); }
    bool failed_in_tls() const {
        return result_->at == stage::starttls ||
               (result_->error >= errc::starttls_unavailable && result_->error <= errc::tls_truncated);
    }
    std::string why(const status& s) const {
        std::string out(message(s.error));
        if (!s.detail.empty()) {
            out += ": " + s.detail;
        }
        return s.code == 0 ? out : fmt::format("{}: {} {}", out, s.code, s.text);
    }
    bool connected() const { return line_ != nullptr && !line_->peer.empty(); }

    void tell_host() {
        in6_addr six{};
        in_addr four{};
        const std::string plain = where_.host.substr(0, where_.host.find('%'));
        if (!where_.unix_path.empty() || inet_pton(AF_INET, plain.c_str(), &four) == 1 ||
            inet_pton(AF_INET6, plain.c_str(), &six) == 1) {
            add("dns", verdict::skipped,
                where_.unix_path.empty() ? "an address needs none" : "a path needs none");
            return;
        }
        if (result_->error == errc::bad_configuration) {
            add("dns", verdict::skipped, "not reached");
            return;
        }
        const bool ok = !addresses_.empty() && result_->error != errc::host_not_found;
        std::string list;
        for (const auto& one : addresses_) {
            list.append(list.empty() ? "" : ", ").append(one);
        }
        add("dns", ok ? verdict::ok : verdict::fail, where_.host + (ok ? ": " + list : ": " + why(*result_)));
    }

    void tell_connection() {
        if (line_ != nullptr && !line_->attempts.empty()) {
            for (const auto& one : line_->attempts) {
                tell_attempt(one);
            }
        } else if (result_->ok() || result_->error == errc::host_not_found) {
            add("connect", verdict::skipped, "not reached");
        } else {
            add("connect", verdict::fail, why(*result_));
        }
    }

    void tell_attempt(const connect_attempt& one) {
        const std::string text = fmt::format("{} ({})", one.address, readable_time(one.duration));
        if (one.error == errc::ok) {
            add("connect", verdict::ok, text);
            return;
        }
        // Where another address did answer, this one is no reason to give up; it costs time, though.
        const std::string reason = one.detail.empty() ? std::string(message(one.error)) : one.detail;
        add("connect", connected() ? verdict::warn : verdict::fail, text + ": " + reason);
    }

    void tell_greeting() {
        const bool greeted = line_ != nullptr && !line_->greeting.empty();
        if (failed_at(stage::greeting) || (connected() && failed_at(stage::connect))) {
            add("greeting", verdict::fail, why(*result_));
        } else {
            add("greeting", greeted ? verdict::ok : verdict::skipped,
                greeted ? line_->greeting : "not reached");
        }
    }

    // The reply before TLS only tells whether STARTTLS is there; all else in it may be anybody's.
    void tell_first_ehlo() {
        if (line_ == nullptr || line_->ehlo_before_tls.empty()) {
            return;
        }
        const auto keywords = explain_keywords(line_->ehlo_before_tls);
        const bool offered = std::any_of(keywords.begin(), keywords.end(), [](const auto& one) {
            return equal_ignoring_case(one.line, "STARTTLS");
        });
        add("ehlo", verdict::ok,
            fmt::format("before TLS: {} keywords, STARTTLS {}", keywords.size(),
                        offered ? "is one" : "is none of them"),
            lines_of(line_->ehlo_before_tls));
    }

    void tell_tls() {
        if (failed_in_tls()) {
            tell_tls_failure();
        } else if (line_ == nullptr || (line_->tls_version.empty() && line_->greeting.empty())) {
            add("tls", verdict::skipped, "not reached");
        } else if (!line_->tls_version.empty()) {
            tell_secure_line();
        } else if (where_.loopback) {
            add("tls", verdict::ok, "none: the line does not leave this machine");
        } else {
            add("tls", verdict::warn, "none: everybody on the way can read and change what is sent");
        }
    }

    void tell_tls_failure() {
        std::string text = why(*result_);
        if (line_ != nullptr && !line_->tls_problem.empty() &&
            text.find(line_->tls_problem) == std::string::npos) {
            text += ": " + line_->tls_problem;
        }
        add("tls", verdict::fail, text, certificate_lines());
    }

    void tell_secure_line() {
        const bool trusted = line_->tls_verified;
        const auto& certificate = line_->certificate;
        const bool ends_soon =
            certificate && std::chrono::system_clock::now() + soon > certificate->not_after;
        add("tls", trusted && !ends_soon ? verdict::ok : verdict::warn,
            fmt::format("{}, {}, certificate {}", line_->tls_version, line_->tls_cipher,
                        trusted ? std::string("verified") : "NOT verified: " + line_->tls_problem),
            certificate_lines());
    }

    std::vector<std::string> certificate_lines() const {
        if (line_ == nullptr || !line_->certificate) {
            return {};
        }
        const auto& one = *line_->certificate;
        std::string names;
        for (const auto& name : one.names) {
            names.append(names.empty() ? "" : ", ").append(name);
        }
        const auto left =
            std::chrono::duration_cast<std::chrono::hours>(one.not_after - std::chrono::system_clock::now());
        const auto days = left.count() / 24;
        return {"subject      " + one.subject,
                "names        " + (names.empty() ? std::string("none: no client can verify it") : names),
                "issuer       " + one.issuer,
                fmt::format("valid        {} to {} ({})", date_text(one.not_before), date_text(one.not_after),
                            left.count() < 0 ? std::string("expired") : fmt::format("{} days left", days)),
                "fingerprint  " + one.sha256};
    }

    void tell_ehlo() {
        if (failed_at(stage::ehlo)) {
            add("ehlo", verdict::fail, why(*result_));
            return;
        }
        const bool answered = line_ != nullptr && (!line_->ehlo.empty() || result_->ok());
        if (!answered) {
            add("ehlo", verdict::skipped, "not reached");
            return;
        }
        out_.keywords = explain_keywords(line_->ehlo);
        const bool secured = !line_->tls_version.empty();
        const std::string text = line_->extended
                                     ? fmt::format("{}{} keywords, listed below",
                                                   secured ? "within TLS: " : "", out_.keywords.size())
                                     : std::string("refused; the server knows HELO only");
        add("ehlo", line_->extended ? verdict::ok : verdict::warn, text);
    }

    void tell_authentication() {
        const bool refused = failed_at(stage::auth) || (result_->error >= errc::auth_unavailable &&
                                                        result_->error <= errc::auth_challenge);
        if (refused) {
            add("auth", verdict::fail, (user_.empty() ? "" : user_ + ": ") + why(*result_));
        } else if (line_ != nullptr && line_->authenticated) {
            add("auth", verdict::ok, fmt::format("{} by {}", user_, line_->mechanism));
        } else {
            add("auth", verdict::skipped, user_.empty() ? "no --user to try it with" : "not reached");
        }
    }

    const server_url& where_;
    std::string user_;
    const std::vector<std::string>& addresses_;
    check_report& out_;
    const status* result_ = nullptr;
    const connection_info* line_ = nullptr;
};

int exit_code_of_probe(const send_result& answer) {
    const auto accepted = std::count_if(answer.recipients.begin(), answer.recipients.end(),
                                        [](const auto& one) { return one.outcome == disposition::accepted; });
    if (accepted == static_cast<std::ptrdiff_t>(answer.recipients.size())) {
        return exit_code::delivered;
    }
    if (accepted > 0) {
        return exit_code::partly;
    }
    return exit_code_of(answer);
}

// The envelope to ask about; without a sender, the user is the likeliest one that the server takes.
outgoing envelope_to_ask(const check_choice& chosen, const prepared_connection& prepared) {
    const auto& login = prepared.options.credentials;
    const bool user_is_mailbox = login && login->user.find('@') != std::string::npos;
    return prepare_envelope(chosen.envelope,
                            prepared.from.empty() && user_is_mailbox ? login->user : prepared.from);
}

check_report examine(const prepared_connection& prepared, client_options options, const outgoing& envelope) {
    // The filter sees every address that the name has, also those that are not needed.
    std::vector<std::string> addresses;
    options.address_filter = [&addresses, allowed = options.address_filter](std::string_view address) {
        addresses.emplace_back(address);
        return !allowed || allowed(address);
    };
    blocking_client client(std::move(options));
    const interruption interrupted([&client] { client.cancel(); });
    check_report report;
    teller tell(prepared, addresses, report);
    report.result = client.connect();
    tell.tell_session(report.result);
    report.exit = exit_code_of(report.result);
    if (!report.result.ok()) {
        tell.skip_envelope("not reached");
    } else if (envelope.recipients.empty()) {
        tell.skip_envelope("no --to to ask about");
    } else {
        const send_result answer = client.probe(envelope);
        tell.tell_envelope(envelope, answer);
        report.recipients = answer.recipients;
        report.exit = exit_code_of_probe(answer);
        if (report.exit != 0) {
            report.result = answer;
        }
    }
    client.quit();
    return report;
}

int check(const check_choice& chosen) {
    auto prepared = prepare_connection(chosen.connection, true);
    const auto envelope = envelope_to_ask(chosen, prepared);
    if (chosen.output.verbose) {
        prepared.options.transcript = [](const transcript_line& line) { print_transcript_line(line); };
    }
    const auto report = examine(prepared, prepared.options, envelope);
    if (chosen.output.json) {
        print(check_json(report, prepared.where));
        return report.exit;
    }
    if (!chosen.output.quiet) {
        print(check_text(report));
    }
    if (report.exit != 0) {
        std::fputs(("\n" + problem_text(report.result, prepared.where, false, {})).c_str(), stderr);
    }
    return report.exit;
}

} // namespace

CLI::App* add_check_command(CLI::App& app, std::function<void(int)> set_exit) {
    CLI::App* command =
        app.add_subcommand("check", "Try a server step by step, up to RCPT, without sending anything");
    auto chosen = std::make_shared<check_choice>();
    add_check_options(*command, *chosen);
    command->footer(
        "The steps: dns, connect, tls, greeting, ehlo, auth (with --user), mail and rcpt (with --to). Each "
        "is\n"
        "ok, warn, FAIL, or - when it was not reached or not asked for. Exit codes are those of `send`.\n\n"
        "  postrider check --server smtp://mail.example.org\n"
        "  postrider check --server smtps://mail.example.org --user alice@example.org --to bob@example.net");
    command->callback([chosen, set_exit = std::move(set_exit)] {
        set_exit(run_guarded("check", chosen->output.json, [&chosen] { return check(*chosen); }));
    });
    return command;
}

} // namespace postrider::cli
