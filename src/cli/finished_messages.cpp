// finished_messages.cpp - `--message FILE...`: what each of them is, and the messages it holds.
#include "bulk_source.hpp"
#include "error.hpp"
#include "mbox.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstdlib>
#include <dirent.h>
#include <optional>
#include <set>
#include <sys/stat.h>
#include <system_error>

namespace postrider::cli {
namespace {

command_error data_error(const std::string& what, std::string next = {}) {
    return {exit_code::data, what, std::move(next)};
}

std::string reason() {
    return std::generic_category().message(errno);
}

bool is_folder(const std::string& path) {
    struct stat now {};
    return stat(path.c_str(), &now) == 0 && S_ISDIR(now.st_mode);
}

// The same file by whatever way it was named: a second run may be started elsewhere.
std::string canonical(const std::string& path) {
    const std::unique_ptr<char, decltype(&std::free)> whole(realpath(path.c_str(), nullptr), &std::free);
    return whole ? std::string(whole.get()) : path;
}

bool ends_in_eml(std::string_view name) {
    constexpr std::string_view ending = ".eml";
    return name.size() > ending.size() &&
           equal_ignoring_case(name.substr(name.size() - ending.size()), ending);
}

// What one argument of --message holds.
class holder {
  public:
    holder() = default;
    virtual ~holder() = default;
    holder(const holder&) = delete;
    holder& operator=(const holder&) = delete;
    virtual bool next(bulk_item& into) = 0;
};

class single_file : public holder {
  public:
    single_file(std::string path, content octets) : path_(std::move(path)), octets_(std::move(octets)) {}

    bool next(bulk_item& into) override {
        const bool first = !std::exchange(given_, true);
        if (first) {
            into.name = path_ == "-" ? "standard input" : path_;
            into.anchor = path_ == "-" ? path_ : "file:" + canonical(path_);
            into.octets = octets_;
        }
        return first;
    }

  private:
    std::string path_;
    content octets_;
    bool given_ = false;
};

class mbox_file : public holder {
  public:
    mbox_file(const std::string& path, content octets, bool only_one)
        : path_(path), anchor_("mbox:" + canonical(path)), messages_(std::move(octets), path, only_one) {}

    bool next(bulk_item& into) override {
        if (!messages_.next(into.octets)) {
            return false;
        }
        into.name = fmt::format("{}, message {}", path_, ++number_);
        into.anchor = anchor_; // without the number: one that is taken out in front changes nothing
        return true;
    }

  private:
    std::string path_;
    std::string anchor_;
    mbox_reader messages_;
    std::uint64_t number_ = 0;
};

// One folder, file by file, in the order in which the system gives them.
class listing {
  public:
    explicit listing(std::string path) : path_(std::move(path)), folder_(opendir(path_.c_str()), &closedir) {
        if (!folder_) {
            throw data_error(fmt::format("{} cannot be listed: {}", path_, reason()));
        }
    }

    // Hidden names, and what is no file, are left out.
    std::optional<std::string> next() {
        for (;;) {
            errno = 0;
            const dirent* one = readdir(folder_.get());
            if (one == nullptr) {
                if (errno != 0) {
                    throw data_error(fmt::format("{} cannot be listed any further: {}", path_, reason()));
                }
                return std::nullopt;
            }
            std::string name = static_cast<const char*>(one->d_name);
            if (name.front() != '.' && !is_folder(path_ + "/" + name)) {
                return name;
            }
        }
    }
    const std::string& path() const { return path_; }

  private:
    std::string path_;
    std::unique_ptr<DIR, int (*)(DIR*)> folder_;
};

void open_file(const std::string& path, bulk_item& into) {
    into.name = path;
    auto octets = content::from_file(path);
    into.trouble = octets ? std::string() : "it cannot be read: " + reason();
    into.octets = octets ? std::move(*octets) : content();
}

class eml_folder : public holder {
  public:
    explicit eml_folder(const std::string& path) : files_(path) {}

    bool next(bulk_item& into) override {
        for (auto name = files_.next(); name; name = files_.next()) {
            if (ends_in_eml(*name)) {
                const std::string path = files_.path() + "/" + *name;
                open_file(path, into);
                into.anchor = "file:" + canonical(path);
                found_ = true;
                return true;
            }
            others_ = true;
        }
        if (!found_) {
            throw data_error(
                fmt::format("{} {}", files_.path(),
                            others_ ? "is a folder without a file that ends in .eml"
                                    : "is an empty folder, and no maildir"),
                "name the files themselves, a folder of .eml files, a maildir (with new and cur) "
                "or an mbox");
        }
        return false;
    }

  private:
    listing files_;
    bool found_ = false;
    bool others_ = false;
};

class maildir : public holder {
  public:
    explicit maildir(const std::string& path)
        : path_(path), anchor_("maildir:" + canonical(path) + ":"), files_(std::in_place, path + "/new") {}

    bool next(bulk_item& into) override {
        for (;;) {
            const auto name = files_->next();
            if (name) {
                open_file(files_->path() + "/" + *name, into);
                // Readers move it from new to cur and write flags behind a colon: it stays the same message.
                into.anchor = anchor_ + name->substr(0, name->find(':'));
                return true;
            }
            if (std::exchange(in_cur_, true)) {
                return false;
            }
            files_.emplace(path_ + "/cur");
        }
    }

  private:
    std::string path_;
    std::string anchor_;
    std::optional<listing> files_;
    bool in_cur_ = false;
};

class finished_list : public bulk_source {
  public:
    finished_list(const send_choice& chosen, std::string account_from)
        : chosen_(chosen), account_from_(std::move(account_from)) {
        refuse_composing_options(chosen, "--message");
        std::set<std::string> seen;
        for (const auto& path : chosen.messages) {
            if (!seen.insert(path == "-" ? path : canonical(path)).second) {
                throw usage_error(fmt::format("--message names {} twice", path));
            }
        }
    }

    bool next(bulk_item& into) override {
        for (;;) {
            if (current_ && current_->next(into)) {
                return true;
            }
            if (at_ == chosen_.messages.size()) {
                return false;
            }
            current_ = open(chosen_.messages[at_++]);
        }
    }
    void rewind() override {
        at_ = 0;
        current_.reset();
    }
    void check(const bulk_item&) override {}
    void identify(const bulk_item& item, fingerprint& into) override { into.add_content(item.octets); }
    prepared_mail prepare(const bulk_item& item, const message_key&) override {
        return prepare_finished(chosen_, item.octets, account_from_);
    }
    std::string binding() const override { return {}; }

  private:
    std::unique_ptr<holder> open(const std::string& path) {
        if (path == "-") {
            // It can be read only once; the second walk finds it put aside.
            input_ = input_ ? input_ : open_content(path, "--message");
            return std::make_unique<single_file>(path, *input_);
        }
        if (is_folder(path)) {
            if (is_folder(path + "/new") && is_folder(path + "/cur")) {
                return std::make_unique<maildir>(path);
            }
            return std::make_unique<eml_folder>(path);
        }
        auto octets = open_content(path, "--message");
        if (looks_like_mbox(octets)) {
            return std::make_unique<mbox_file>(path, std::move(octets), chosen_.mbox == "o");
        }
        return std::make_unique<single_file>(path, std::move(octets));
    }

    const send_choice& chosen_;
    std::string account_from_;
    std::size_t at_ = 0;
    std::unique_ptr<holder> current_;
    std::optional<content> input_;
};

} // namespace

std::unique_ptr<bulk_source> finished_messages(const send_choice& chosen, std::string account_from) {
    return std::make_unique<finished_list>(chosen, std::move(account_from));
}

bool holds_many(const std::string& path) {
    struct stat now {};
    if (stat(path.c_str(), &now) != 0) {
        return false;
    }
    // Not a FIFO: looking into it would take away what it holds.
    const auto octets = S_ISREG(now.st_mode) ? content::from_file(path) : errc::content_unreadable;
    return S_ISDIR(now.st_mode) || (octets && looks_like_mbox(*octets));
}

} // namespace postrider::cli
