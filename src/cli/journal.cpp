#include "journal.hpp"

#include "error.hpp"
#include "show.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <fstream>
#include <sys/file.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace postrider::cli {
namespace {

using json = nlohmann::ordered_json;

constexpr int version = 1;
constexpr std::size_t block_size = std::size_t{256} * 1024;
constexpr std::size_t longest_line = std::size_t{64} * 1024 * 1024; // a message may have many recipients

std::string reason() {
    return std::generic_category().message(errno);
}

// Differs after each start of the system; empty where it has none, which counts as another each time.
std::string boot_id() {
    std::string out;
    std::ifstream file("/proc/sys/kernel/random/boot_id");
    std::getline(file, out);
    return out;
}

disposition disposition_named(const std::string& text) {
    for (const auto one : {disposition::delivered, disposition::transient, disposition::permanent}) {
        if (text == name(one)) {
            return one;
        }
    }
    return disposition::in_doubt;
}

recipient_outcome outcome_in(const json& one) {
    recipient_outcome out;
    out.address = one.at("address").get<std::string>();
    out.outcome = disposition_named(one.at("outcome").get<std::string>());
    out.code = one.value("code", std::uint16_t{0});
    out.at = stage::rcpt;
    if (out.outcome != disposition::delivered) {
        out.error = out.outcome == disposition::in_doubt ? errc::connection_lost : errc::recipient_refused;
    }
    return out;
}

// A new file is there after a crash only when its folder was written, too.
void sync_folder(const std::string& path) {
    const auto slash = path.rfind('/');
    const std::string folder = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
    const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
}

} // namespace

journal::journal(const std::string& path, const json& binding) : path_(path), boot_(boot_id()) {
    open(path);
    try {
        load(binding);
        start(binding);
    } catch (...) {
        close(fd_);
        throw;
    }
}

journal::~journal() {
    close(fd_); // and with it goes the lock
}

void journal::open(const std::string& path) {
    fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0600);
    struct stat now {};
    if (fd_ < 0 || fstat(fd_, &now) != 0) {
        throw command_error(exit_code::output,
                            fmt::format("the journal {} cannot be opened: {}", path, reason()));
    }
    std::string wrong;
    int exit = exit_code::usage;
    if (!S_ISREG(now.st_mode)) {
        wrong = "is not a regular file";
    } else if (flock(fd_, LOCK_EX | LOCK_NB) != 0) {
        wrong = errno == EWOULDBLOCK ? "is in use: another run is sending with it"
                                     : "cannot be locked: " + reason();
        exit = exit_code::temporary;
    }
    if (!wrong.empty()) {
        close(fd_);
        throw command_error(exit, fmt::format("the journal {} {}", path, wrong),
                            exit == exit_code::temporary ? "wait until it has ended" : "name another file");
    }
}

void journal::damaged(const std::string& why) const {
    throw command_error(
        exit_code::data, fmt::format("{}, line {}: {}", path_, lines_, why),
        "nothing was sent; use the journal as it was written, or begin a new one for messages "
        "that nobody has got yet");
}

// Line by line; the torn end is cut off.
void journal::load(const json& binding) {
    std::string line;
    std::vector<char> block(block_size);
    std::uint64_t offset = 0;
    std::uint64_t line_begin = 0;
    for (;;) {
        const ssize_t got = pread(fd_, block.data(), block.size(), static_cast<off_t>(offset));
        if (got < 0) {
            throw command_error(exit_code::output,
                                fmt::format("the journal {} cannot be read: {}", path_, reason()));
        }
        if (got == 0) {
            break;
        }
        std::string_view rest(block.data(), static_cast<std::size_t>(got));
        for (auto end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
            line.append(rest.substr(0, end));
            ++lines_;
            read_line(line, line_begin, binding);
            line_begin += line.size() + 1;
            line.clear();
            rest.remove_prefix(end + 1);
        }
        line.append(rest);
        offset += static_cast<std::uint64_t>(got);
        if (line.size() > longest_line || (lines_ == 0 && !line.starts_with('{'))) {
            ++lines_;
            damaged("this is not a journal");
        }
    }
    size_ = line_begin;
    if (offset != line_begin && ftruncate(fd_, static_cast<off_t>(line_begin)) != 0) {
        throw command_error(exit_code::output,
                            fmt::format("the journal {} cannot be written: {}", path_, reason()));
    }
}

void journal::read_line(const std::string& line, std::uint64_t offset, const json& binding) {
    const json record = json::parse(line, nullptr, false);
    if (!record.is_object() || record.empty()) {
        damaged(lines_ == 1 ? "this is not a journal" : "the journal is damaged");
    }
    try {
        if (lines_ == 1) {
            bind(record, binding);
            salt_ = record.at("salt").get<std::string>();
        } else {
            read_record(record, offset);
        }
    } catch (const json::exception&) {
        damaged(lines_ == 1 ? "this is not a journal" : "the journal is damaged");
    }
}

void journal::bind(const json& record, const json& binding) const {
    if (record.at("journal") != "postrider") {
        damaged("this is not a journal");
    }
    if (record.at("version") != version) {
        damaged("the journal is of another version of postrider");
    }
    for (const auto& [what, value] : binding.items()) {
        const json& before = record.at("run").at(what);
        if (before != value) {
            throw command_error(
                exit_code::usage,
                fmt::format("the journal {} was begun with another {}: {} then, {} now", path_, what,
                            before.dump(), value.dump()),
                "messages that were sent already would be sent again; take what was given then, or another "
                "journal");
        }
    }
}

message_key journal::key_in(const json& text) const {
    const auto key = message_key::parse(text.get<std::string>());
    if (!key) {
        damaged("the journal is damaged");
    }
    return *key;
}

void journal::read_record(const json& record, std::uint64_t offset) {
    const std::string what = record.begin().key();
    const json& value = record.begin().value();
    if (what == "run") {
        written_boot_ = value.get<std::string>();
    } else if (what == "admit") {
        read_admitted(value);
    } else if (what == "begin") {
        open_[key_in(value)].begun = offset;
    } else if (what == "not_tried") {
        open_entry& entry = open_[key_in(value)];
        entry.admitted = false;
        entry.begun = 0;
    } else if (what == "done") {
        read_done(key_in(value), record.at("recipients"), offset);
    } else if (what != "end") {
        damaged("the journal is damaged");
    }
}

void journal::read_admitted(const json& list) {
    const bool other_boot = written_boot_ != boot_ || boot_.empty();
    for (const auto& one : list) {
        open_entry& entry = open_[key_in(one)];
        entry.admitted = true;
        entry.begun = 0;
        entry.other_boot = other_boot;
    }
}

void journal::read_done(const message_key& key, const json& recipients, std::uint64_t offset) {
    const bool delivered = std::all_of(recipients.begin(), recipients.end(), [](const json& one) {
        return one.at("outcome") == name(disposition::delivered);
    });
    if (delivered) {
        delivered_.insert(key);
        open_.erase(key);
    } else {
        open_[key] = {offset, 0, false, false};
    }
}

void journal::start(const json& binding) {
    if (lines_ == 0) {
        salt_ = random_text();
        append({{"journal", "postrider"}, {"version", version}, {"salt", salt_}, {"run", binding}});
        sync_folder(path_);
    }
    append({{"run", boot_}, {"at", timestamp(std::chrono::system_clock::now())}});
    sync();
}

json journal::line_at(std::uint64_t offset) const {
    std::string line;
    std::array<char, 4096> block{};
    for (auto end = std::string::npos; end == std::string::npos; end = line.find('\n')) {
        const ssize_t got = pread(fd_, block.data(), block.size(), static_cast<off_t>(offset + line.size()));
        if (got <= 0) {
            throw command_error(exit_code::output,
                                fmt::format("the journal {} cannot be read any more", path_));
        }
        line.append(block.data(), static_cast<std::size_t>(got));
    }
    return json::parse(line.substr(0, line.find('\n')));
}

journal::memory journal::remember(const message_key& key) const {
    memory out;
    const auto at = open_.find(key);
    if (at == open_.end()) {
        return out;
    }
    const open_entry& entry = at->second;
    if (entry.settled != 0) {
        out.known = true;
        const json record = line_at(entry.settled);
        for (const auto& one : record.at("recipients")) {
            recipient_outcome who = outcome_in(one);
            out.recipients[who.address] = std::move(who);
        }
    }
    out.on_its_way = entry.begun != 0 || (entry.admitted && entry.other_boot);
    if (!out.on_its_way) {
        return out;
    }
    out.known = true;
    if (entry.begun != 0) {
        const json record = line_at(entry.begun);
        for (const auto& one : record.at("to")) {
            out.recipients.erase(one.get<std::string>());
        }
        return out;
    }
    // To whom it went is not known: to any of those who had not got it.
    std::erase_if(out.recipients,
                  [](const auto& one) { return one.second.outcome != disposition::delivered; });
    return out;
}

void journal::admit(std::span<const message_key> keys) {
    if (keys.empty()) {
        return;
    }
    json list = json::array();
    for (const auto& key : keys) {
        list.push_back(key.text());
    }
    append({{"admit", std::move(list)}});
    sync();
}

void journal::begin(const message_key& key, const std::vector<addressee>& to) {
    json list = json::array();
    for (const auto& one : to) {
        list.push_back(one.address);
    }
    append({{"begin", key.text()}, {"to", std::move(list)}});
}

void journal::settle(const message_key& key, const std::string& name,
                     const std::vector<recipient_outcome>& recipients) {
    json list = json::array();
    for (const auto& one : recipients) {
        json line{{"address", one.address}, {"outcome", postrider::name(one.outcome)}};
        if (one.code != 0) {
            line["code"] = one.code;
        }
        if (one.error != errc::ok) {
            line["error"] = postrider::name(one.error);
        }
        list.push_back(std::move(line));
    }
    append({{"done", key.text()}, {"source", name}, {"recipients", std::move(list)}});
}

void journal::not_tried(const message_key& key) {
    append({{"not_tried", key.text()}});
}

void journal::finish(const json& summary) {
    append({{"end", summary}});
    sync();
}

// One write a line: a line that another one stands behind is whole.
void journal::append(const json& record) {
    const std::string line = record.dump(-1, ' ', true, json::error_handler_t::replace) + "\n";
    const ssize_t written = broken_ ? -1 : write(fd_, line.data(), line.size());
    if (written != static_cast<ssize_t>(line.size())) {
        const std::string why = written < 0 ? reason() : std::string("no space is left");
        // Half a line must stay the last one.
        broken_ = broken_ || ftruncate(fd_, static_cast<off_t>(size_)) != 0;
        throw command_error(exit_code::output,
                            fmt::format("the journal {} cannot be written: {}", path_, why),
                            "make room, then start the same command again: it goes on where this one ended");
    }
    size_ += line.size();
}

void journal::sync() {
    if (fdatasync(fd_) != 0) {
        throw command_error(exit_code::output,
                            fmt::format("the journal {} cannot be written: {}", path_, reason()));
    }
}

} // namespace postrider::cli
