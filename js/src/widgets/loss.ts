import { alone, epochSlider, temperatureSlider } from "../views/controls/alone";
import { mountLossView } from "../views/loss";
import { widget } from "./host";

export default widget(alone(mountLossView, epochSlider, temperatureSlider));
