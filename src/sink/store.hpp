// store.hpp - where one message goes while it comes in: a preview, memory, a maildir file, or nowhere.
#pragma once

#include "sink/sink.hpp"

#include <string>
#include <string_view>

namespace postrider::sink {

/// Makes DIR/tmp, new, cur (and envelope for sidecars), mode 0700. Throws setup_error.
void prepare_maildir(const config& settings);

/// One message at a time: begin(), append() as content comes, then commit() or drop().
class store {
  public:
    explicit store(const config& settings) : settings_(settings) {}
    ~store() { drop(); }
    store(const store&) = delete;
    store& operator=(const store&) = delete;

    void begin();
    /// False once the disk refused; the message can then only be dropped.
    bool append(std::string_view slice);
    /// Moves the file from tmp to new, mode 0600, and fills in file, preview and content. False: nothing was
    /// kept.
    bool commit(received& mail);
    void drop() noexcept;

  private:
    bool open_file();
    bool write_all(std::string_view data) noexcept;
    bool write_sidecar(const received& mail);

    const config& settings_;
    std::string preview_;
    std::string content_;
    std::string name_; // file name within tmp and new
    int file_ = -1;
    bool failed_ = false;
};

} // namespace postrider::sink
