#include "send_command.hpp"

#include "bulk_command.hpp"
#include "compose_mail.hpp"
#include "connection.hpp"
#include "exit_code.hpp"
#include "interruption.hpp"
#include "password.hpp"
#include "progress_bar.hpp"
#include "report.hpp"
#include "run_guarded.hpp"
#include "show.hpp"

#include <fmt/format.h>

#include <memory>
#include <unistd.h>

namespace postrider::cli {
namespace {

// A content for a terminal: line by line, escaped.
class escaped_lines {
  public:
    void print_part(std::string_view part) {
        for (const char c : part) {
            if (c == '\n') {
                print(printable(line_) + "\n");
                line_.clear();
            } else if (c != '\r') {
                line_ += c;
            }
        }
    }
    void finish() const {
        if (!line_.empty()) {
            print(printable(line_) + "\n");
        }
    }

  private:
    std::string line_;
};

// As it is for a file or a pipe.
void print_content(const content& octets) {
    const bool terminal = isatty(STDOUT_FILENO) != 0;
    escaped_lines lines;
    auto reader = octets.read();
    for (auto chunk = reader.next(); !chunk || !chunk->empty(); chunk = reader.next()) {
        if (!chunk) {
            throw command_error(exit_code::data, "the content cannot be read any more");
        }
        const std::string_view part(chunk->data(), chunk->size());
        if (terminal) {
            lines.print_part(part);
        } else {
            print(part);
        }
    }
    lines.finish();
}

int dry_run(const send_choice& chosen) {
    const auto connection = prepare_connection(chosen.connection, false);
    const auto mail = prepare_mail(chosen, connection.from);
    capabilities everything;
    everything.add(keyword::eight_bit_mime);
    everything.add(keyword::smtputf8);
    const content octets = compose_for(mail, everything);
    const auto traits = sendable_traits(octets);
    if (chosen.output.json) {
        print(dry_run_json(mail, connection.where, traits));
        return 0;
    }
    if (!chosen.output.quiet) {
        std::fputs(dry_run_text(mail, connection.where, traits).c_str(), stderr);
    }
    print_content(octets);
    return 0;
}

void report_result(const send_choice& chosen, const send_result& result, const prepared_mail& mail,
                   const server_url& where, std::chrono::microseconds took) {
    const bool in_doubt = result.any(disposition::in_doubt);
    if (chosen.output.verbose && result.connection) {
        std::fputs(connection_text(*result.connection).c_str(), stderr);
    }
    if (chosen.output.json) {
        print(send_json(result, mail, where, took));
        return;
    }
    std::string failures;
    for (const auto& one : result.recipients) {
        const bool delivered = one.outcome == disposition::delivered;
        if (delivered && !chosen.output.quiet) {
            print(recipient_text(one));
        } else if (!delivered) {
            failures += recipient_text(one);
        }
    }
    if (!result.all_delivered()) {
        std::fflush(stdout);
        std::fputs(failures.c_str(), stderr);
        std::fputs(problem_text(decisive(result), where, in_doubt, mail.message_id).c_str(), stderr);
    }
}

int send(send_choice& chosen) {
    if (is_bulk(chosen)) {
        return send_bulk(chosen);
    }
    chosen.message = chosen.messages.empty() ? std::string() : chosen.messages.front();
    if (chosen.dry_run) {
        return dry_run(chosen);
    }
    if (chosen.connection.password_fd == 0 && reads_standard_input(chosen)) {
        throw usage_error("standard input cannot be both the password and the message",
                          "use another descriptor, as in --password-fd 3 3<secret");
    }
    auto connection = prepare_connection(chosen.connection, false);
    const auto mail = prepare_mail(chosen, connection.from);
    // Only now: nobody should type a password for a message that cannot be sent anyway.
    connection = prepare_connection(chosen.connection, true);

    progress_bar bar(chosen.output.quiet ? "never" : chosen.output.progress);
    if (chosen.output.verbose) {
        connection.options.transcript = [&bar](const transcript_line& line) {
            bar.finish();
            print_transcript_line(line);
        };
    }
    auto on_its_way = mail.mail;
    on_its_way.last = true;
    connection.options.await_quit_reply = chosen.output.verbose; // whatever it is: the outcome is settled
    if (bar.wanted()) {
        on_its_way.on_progress = [&bar](const progress& now) { bar.show(now); };
    }
    const auto begun = std::chrono::steady_clock::now();
    blocking_client client(std::move(connection.options));
    const interruption interrupted([&client] { client.cancel(); });
    const send_result result = client.send(std::move(on_its_way));
    const auto took =
        std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - begun);
    bar.finish();
    report_result(chosen, result, mail, connection.where, took);
    client.quit(); // if there is a session still
    return exit_code_of(result);
}

} // namespace

CLI::App* add_send_command(CLI::App& app, std::function<void(int)> set_exit) {
    CLI::App* command = app.add_subcommand("send", "Send a message, or tell for each recipient why not");
    auto chosen = std::make_shared<send_choice>();
    add_send_options(*command, *chosen);
    command->footer(
        "The password of --user comes from one of the options above, from the variable POSTRIDER_PASSWORD,\n"
        "from the account, or is asked for at the terminal. It is never an argument.\n\n"
        "Exit codes: 0 all recipients accepted, 1 some, 2 in doubt, 64 usage, 65 unusable message or "
        "address,\n"
        "68 host not found, 69 refused, 75 try again later, 76 protocol or TLS, 77 authentication,\n"
        "78 configuration.\n\n"
        "  postrider send --server smtps://mail.example.org --user alice@example.org \\\n"
        "      --from 'Alice <alice@example.org>' --to bob@example.net --subject Hello --body 'Hello, Bob'\n"
        "  postrider send --server smtp://localhost:2525 --message finished.eml\n\n"
        "postrider(1) and docs/command.md say more.");
    command->callback([chosen, set_exit = std::move(set_exit)] {
        set_exit(run_guarded("send", chosen->output.json, [&chosen] { return send(*chosen); }));
    });
    return command;
}

} // namespace postrider::cli
