// A maildir delivery: written in tmp under a name nobody else uses, then renamed into new, so that a reader
// never sees half a message. Nothing is synced to the disk: this server promises nothing beyond its own life.
#include "sink/store.hpp"

#include "sink/show.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <system_error>
#include <time.h>
#include <unistd.h>

namespace postrider::sink {
namespace {

// The name's host part: '/' and ':' mean something to a maildir (as \057 and \072).
std::string maildir_host(std::string_view host) {
    std::string out;
    for (const char c : host) {
        if (c == '/')
            out += "\\057";
        else if (c == ':')
            out += "\\072";
        else
            out += c;
    }
    return out;
}

std::string unique_name(std::string_view host) {
    static std::atomic<std::uint64_t> serial{0};
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    return fmt::format("{}.M{}P{}Q{}.{}", now.tv_sec, now.tv_nsec / 1000, getpid(), ++serial,
                       maildir_host(host));
}

int create_file(const std::string& path) noexcept {
    return open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR);
}

} // namespace

void prepare_maildir(const config& settings) {
    if (settings.maildir.empty())
        return;
    const std::filesystem::path root(settings.maildir);
    for (const char* part : {"", "tmp", "new", "cur", "envelope"}) {
        if (std::string_view(part) == "envelope" && !settings.sidecar)
            continue;
        const auto folder = root / part;
        std::error_code failure;
        if (std::filesystem::create_directories(folder, failure))
            std::filesystem::permissions(folder, std::filesystem::perms::owner_all, failure);
        if (!failure && access(folder.c_str(), W_OK | X_OK) != 0)
            failure = std::error_code(errno, std::generic_category());
        if (failure)
            throw setup_error(setup_error::kind::maildir,
                              fmt::format("the maildir {} cannot be used: {}: name a folder you may write to",
                                          folder.string(), failure.message()));
    }
}

void store::begin() {
    drop();
    failed_ = !settings_.maildir.empty() && !open_file();
}

bool store::append(std::string_view slice) {
    if (settings_.discard)
        return true;
    if (preview_.size() < settings_.preview_limit)
        preview_.append(slice.substr(0, settings_.preview_limit - preview_.size()));
    if (settings_.keep_content)
        content_.append(slice);
    if (file_ >= 0 && !failed_)
        failed_ = !write_all(slice);
    return !failed_;
}

bool store::commit(received& mail) {
    if (failed_)
        return false;
    mail.preview = std::move(preview_);
    mail.content = std::move(content_);
    preview_.clear();
    content_.clear();
    if (file_ < 0)
        return true;
    const auto target = settings_.maildir + "/new/" + name_;
    mail.file = target;
    const bool closed = close(file_) == 0;
    file_ = -1;
    // The sidecar first: who sees the message in new finds its envelope.
    const bool kept = closed && (!settings_.sidecar || write_sidecar(mail)) &&
                      rename((settings_.maildir + "/tmp/" + name_).c_str(), target.c_str()) == 0;
    if (!kept) {
        unlink((settings_.maildir + "/tmp/" + name_).c_str());
        mail.file.clear();
    }
    return kept;
}

void store::drop() noexcept {
    preview_.clear();
    content_.clear();
    failed_ = false;
    if (file_ < 0)
        return;
    close(file_);
    file_ = -1;
    unlink((settings_.maildir + "/tmp/" + name_).c_str());
}

bool store::open_file() {
    if (settings_.discard)
        return true;
    name_ = unique_name(settings_.host_name);
    file_ = create_file(settings_.maildir + "/tmp/" + name_);
    return file_ >= 0;
}

bool store::write_all(std::string_view data) noexcept {
    while (!data.empty()) {
        const auto written = write(file_, data.data(), data.size());
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        data.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
}

bool store::write_sidecar(const received& mail) {
    const auto path = settings_.maildir + "/envelope/" + name_ + ".json";
    file_ = create_file(path);
    const bool written = file_ >= 0 && write_all(json_line(mail) + "\n");
    if (file_ >= 0)
        close(file_);
    file_ = -1;
    if (!written)
        unlink(path.c_str());
    return written;
}

} // namespace postrider::sink
