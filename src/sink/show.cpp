#include "sink/show.hpp"

#include "sink/syntax.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <ctime>

namespace postrider::sink {
namespace {

struct range {
    char32_t first;
    char32_t last;
};

// Controls, and what changes the look of its neighbours or has no look of its own (Unicode 15: Bidi_Control,
// line and paragraph separators, zero width, interlinear annotation, tags).
constexpr std::array hidden{
    range{0x00, 0x1F},     range{0x7F, 0x9F},     range{0xAD, 0xAD},       range{0x61C, 0x61C},
    range{0x180E, 0x180E}, range{0x200B, 0x200F}, range{0x2028, 0x202E},   range{0x2060, 0x206F},
    range{0xFEFF, 0xFEFF}, range{0xFFF0, 0xFFFB}, range{0xE0000, 0xE0FFF},
};

bool is_hidden(char32_t point) noexcept {
    return std::any_of(hidden.begin(), hidden.end(),
                       [point](range r) { return point >= r.first && point <= r.last; });
}

void append_printable(std::string& out, std::string_view foreign) {
    while (!foreign.empty()) {
        char32_t point = 0;
        const auto length = utf8_sequence(foreign, point);
        if (length == 0 || (length == 1 && is_hidden(point)))
            fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<unsigned char>(foreign[0]));
        else if (is_hidden(point))
            fmt::format_to(std::back_inserter(out), "\\u{{{:04x}}}", static_cast<std::uint32_t>(point));
        else
            out.append(foreign.substr(0, length));
        foreign.remove_prefix(length == 0 ? 1 : length);
    }
}

// The next line, without its CRLF or LF.
std::string_view take_line(std::string_view& text) noexcept {
    const auto end = text.find('\n');
    auto line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (!line.empty() && line.back() == '\r')
        line.remove_suffix(1);
    return line;
}

std::string readable_size(std::uint64_t octets) {
    if (octets < 10000)
        return fmt::format("{} octets", octets);
    if (octets < 10000000)
        return fmt::format("{:.1f} kB", static_cast<double>(octets) / 1e3);
    return fmt::format("{:.1f} MB", static_cast<double>(octets) / 1e6);
}

std::string clock_text(const received& mail) {
    const auto seconds = std::chrono::system_clock::to_time_t(mail.time);
    std::tm local{};
    localtime_r(&seconds, &local);
    return fmt::format("{:%H:%M:%S}", local);
}

std::string head_line(const received& mail) {
    auto line = fmt::format("#{}  {}  {} from {} ({})", mail.serial, clock_text(mail), mail.protocol,
                            mail.peer, printable(mail.client_name));
    if (!mail.tls_version.empty())
        line += fmt::format(", {} {}", mail.tls_version, mail.tls_cipher);
    if (!mail.user.empty())
        line += ", user " + printable(mail.user);
    line += ", " + readable_size(mail.size);
    line += mail.chunks == 0 ? std::string(" by DATA") : fmt::format(" in {} BDAT", mail.chunks);
    return line + "\n";
}

void append_parameter(std::string& line, std::string_view name, std::string_view value) {
    if (!value.empty())
        line.append(" ").append(name).append("=").append(printable(value));
}

std::string envelope_lines(const envelope& about) {
    std::string out = "    MAIL FROM:<" + printable(about.reverse_path) + ">";
    append_parameter(out, "SIZE", about.size ? std::to_string(*about.size) : std::string());
    append_parameter(out, "BODY", about.body);
    append_parameter(out, "RET", about.ret);
    append_parameter(out, "ENVID", about.envid);
    append_parameter(out, "AUTH", about.auth);
    out += about.smtputf8 ? " SMTPUTF8\n" : "\n";
    for (const auto& to : about.recipients) {
        out += "    RCPT TO:<" + printable(to.address) + ">";
        append_parameter(out, "NOTIFY", to.notify);
        append_parameter(out, "ORCPT", to.orcpt);
        out += "\n";
    }
    for (const auto& to : about.refused)
        out += fmt::format("    RCPT TO:<{}>  refused: {} {}\n", printable(to.address), to.code,
                           printable(to.text));
    return out;
}

std::size_t count_lines(std::string_view text) noexcept {
    const auto feeds = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
    return text.empty() || text.back() == '\n' ? feeds : feeds + 1;
}

void append_content_line(std::string& out, std::string_view line) {
    constexpr std::size_t wide = 400;
    out += "  | ";
    append_printable(out, line.substr(0, wide));
    if (line.size() > wide)
        out += fmt::format(" ... ({} octets more)", line.size() - wide);
    out += "\n";
}

// The Subject field unfolded, as it stands on the wire.
std::string subject(std::string_view content) {
    constexpr std::string_view name = "subject:";
    bool found = false;
    std::string value;
    while (!content.empty()) {
        const auto line = take_line(content);
        if (line.empty() || (found && line[0] != ' ' && line[0] != '\t'))
            break;
        if (found)
            value.append(line);
        else if (line.size() >= name.size() && same_keyword(line.substr(0, name.size()), name))
            value.append(line.substr(std::min(line.find_first_not_of(" \t", name.size()), line.size()))),
                found = true;
    }
    return value;
}

nlohmann::ordered_json envelope_json(const envelope& about) {
    nlohmann::ordered_json out{{"mail_from", about.reverse_path}};
    nlohmann::ordered_json parameters = nlohmann::ordered_json::object();
    if (about.size)
        parameters["SIZE"] = *about.size;
    for (const auto& [name, value] : {std::pair<const char*, const std::string&>{"BODY", about.body},
                                      {"RET", about.ret},
                                      {"ENVID", about.envid},
                                      {"AUTH", about.auth}})
        if (!value.empty())
            parameters[name] = value;
    if (about.smtputf8)
        parameters["SMTPUTF8"] = true;
    out["parameters"] = std::move(parameters);
    out["rcpt_to"] = nlohmann::ordered_json::array();
    for (const auto& to : about.recipients) {
        nlohmann::ordered_json one{{"address", to.address}};
        if (!to.notify.empty())
            one["NOTIFY"] = to.notify;
        if (!to.orcpt.empty())
            one["ORCPT"] = to.orcpt;
        out["rcpt_to"].push_back(std::move(one));
    }
    out["refused"] = nlohmann::ordered_json::array();
    for (const auto& to : about.refused)
        out["refused"].push_back({{"address", to.address}, {"code", to.code}, {"text", to.text}});
    return out;
}

} // namespace

std::string printable(std::string_view foreign) {
    std::string out;
    out.reserve(foreign.size());
    append_printable(out, foreign);
    return out;
}

std::string human(const received& mail, std::size_t body_lines) {
    auto out = head_line(mail) + envelope_lines(mail.envelope);
    for (const auto& note : mail.notes)
        out += "    note: " + printable(note) + "\n";
    if (!mail.file.empty())
        out += "    kept: " + printable(mail.file) + "\n";
    std::string_view rest = mail.preview;
    bool in_header = true;
    for (std::size_t shown = 0; !rest.empty() && shown < body_lines;) {
        const auto line = take_line(rest);
        append_content_line(out, line);
        in_header = in_header && !line.empty();
        shown += in_header ? 0 : 1;
    }
    if (mail.preview.size() < mail.size)
        out += fmt::format("  ... {} more\n", readable_size(mail.size - mail.preview.size() + rest.size()));
    else if (!rest.empty())
        out += fmt::format("  ... {} more lines\n", count_lines(rest));
    return out + "\n";
}

std::string json_line(const received& mail) {
    const auto since =
        std::chrono::duration_cast<std::chrono::milliseconds>(mail.time.time_since_epoch()).count();
    const auto seconds = static_cast<std::time_t>(since / 1000);
    std::tm utc{};
    gmtime_r(&seconds, &utc);
    nlohmann::ordered_json out{{"number", mail.serial},
                               {"time", fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", utc, since % 1000)},
                               {"peer", mail.peer},
                               {"client", mail.client_name},
                               {"protocol", mail.protocol}};
    out["tls"] = nullptr;
    if (!mail.tls_version.empty())
        out["tls"] = {{"version", mail.tls_version}, {"cipher", mail.tls_cipher}};
    out["user"] = nullptr;
    if (!mail.user.empty())
        out["user"] = mail.user;
    out.update(envelope_json(mail.envelope));
    out["size"] = mail.size;
    out["transfer"] = mail.chunks == 0 ? "DATA" : "BDAT";
    out["chunks"] = mail.chunks;
    out["subject"] = subject(mail.preview);
    out["file"] = nullptr;
    if (!mail.file.empty())
        out["file"] = mail.file;
    out["notes"] = mail.notes;
    return out.dump(-1, ' ', true, nlohmann::ordered_json::error_handler_t::replace);
}

} // namespace postrider::sink
