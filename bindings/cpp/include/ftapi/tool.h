/// @file
/// What the vendor's samples take from their tool.h.
#ifndef CAPDIST_FTAPI_TOOL_H
#define CAPDIST_FTAPI_TOOL_H

#include <google/protobuf/util/json_util.h>

#include <string>

/// The message as indented JSON; false if it can't be told so (text that is no UTF-8, for one).
inline bool ProtoBufToBodyData(const google::protobuf::Message &stMsg, std::string &strBody) {
    google::protobuf::util::JsonPrintOptions options;
    options.add_whitespace = true;
    strBody.clear();
    return google::protobuf::util::MessageToJsonString(stMsg, &strBody, options).ok();
}

/// Text for the terminal, which takes UTF-8 as it is.
inline std::string UTF8ToLocal(const std::string &strUTF8) {
    return strUTF8;
}

#endif
