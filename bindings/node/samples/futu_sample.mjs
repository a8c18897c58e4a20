// The sample in the vendor's documentation, for futu. The call at the end is added: the sample never makes it.
import ftWebsocket from "futu-api";
import { ftCmdID } from "futu-api";
import { Common, Qot_Common } from "futu-api/proto";
import beautify from "js-beautify";

function QotGetCapitalDistribution() {
  const { RetType } = Common
  const { SubType, QotMarket } = Qot_Common
  let [addr, port, enable_ssl, key] = ["127.0.0.1", 33333, false, '7522027ccf5a06b1'];
  let websocket = new ftWebsocket();
  websocket.onlogin = (ret, msg) => {
    if (ret) {
      const req = {
        c2s: {
          security: {
            market: QotMarket.QotMarket_HK_Security,
            code: "00700",
          },
        },
      };
      websocket.GetCapitalDistribution(req)
        .then((res) => {
          let { errCode, retMsg, retType, s2c } = res
          console.log("CapitalDistribution: errCode %d, retMsg %s, retType %d", errCode, retMsg, retType);
          if (retType == RetType.RetType_Succeed) {
            let data = beautify(JSON.stringify(s2c), {
              indent_size: 2,
              space_in_empty_paren: true,
            });
            console.log(data);
          }
        })
        .catch((error) => {
          console.log("error:", error);
        });
    } else {
      console.log("error", msg);
    }
  };
  websocket.start(addr, port, enable_ssl, key);
  // After using the connection, remember to close it to prevent the number of connections from running out
  setTimeout(() => {
    websocket.stop();
    console.log("stop");
  }, 5000); // Set the script to receive OpenD push duration to 5 seconds
}

QotGetCapitalDistribution();
